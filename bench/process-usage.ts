/** CPU and memory of processes that cannot report their own, read from Linux's /proc. */
import { readFileSync } from "node:fs";

/** USER_HZ, 100 on every Linux Node runs on. */
const microsPerTick = 10_000;

/** User and system CPU of a process since it began. */
export function cpuMicrosOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is the command in parentheses and may hold spaces, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * microsPerTick;
}

/** High-water mark of resident memory. */
export function peakRssKiBOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN);
}

/** CPU the whole machine was busy since boot: what is not ours in a run is noise, and worth printing. */
export function machineBusyMicros(): number {
  const cpu = readFileSync("/proc/stat", "utf8").split("\n")[0]!.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = cpu;
  return (user + nice + system + irq + softIrq + steal) * microsPerTick;
}
