import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether a process exists and still runs; a zombie that nobody has collected yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return process.platform !== "linux" || commandLine(pid) !== "";
}

/** Whether this process runs with that text in its command line; pids are used again, so a living pid alone proves nothing. */
export function isRunning(pid: number, text: string): boolean {
  return isAlive(pid) && (process.platform === "win32" || commandLine(pid).includes(text));
}

/** Empty for a zombie and for a process that is gone. */
function commandLine(pid: number): string {
  try {
    if (process.platform === "linux") return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return execFileSync("ps", ["-p", String(pid), "-o", "command="], { encoding: "utf8", timeout: 5_000 });
  } catch {
    return "";
  }
}
