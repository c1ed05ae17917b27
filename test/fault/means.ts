import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** What tests need of the machine they run on. Each says why it is missing, or nothing. */

const isRoot = process.platform === "linux" && process.getuid?.() === 0;

function has(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).error === undefined;
}

function works(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** A small file system of one's own: `mount` as root. */
export function withoutMounts(): string | undefined {
  if (!isRoot) return "needs root on Linux, to mount a small file system";
  const place = join("/tmp", `troupe-mount-${process.pid}`);
  mkdirSync(place, { recursive: true });
  if (!works("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)) return "mounting is forbidden here";
  execFileSync("umount", [place]);
  return undefined;
}

/** System calls that take longer: `strace` that may trace. */
export function withoutSlowCalls(): string | undefined {
  if (process.platform !== "linux" || !has("strace", "-V")) return "needs strace, to delay the server's writes to its disk";
  return works("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:delay_exit=1", "true")
    ? undefined
    : "tracing is forbidden here";
}

/** Network namespaces: `ip` as root. */
export function withoutNamespaces(): string | undefined {
  if (!isRoot || !has("ip", "-V")) return "needs root on Linux and iproute2, for network namespaces";
  const name = `troupe-try-${process.pid}`;
  if (!works("ip", "netns", "add", name)) return "network namespaces are forbidden here";
  const bridge = `tb${process.pid % 100_000}`;
  const hasBridge = works("ip", "link", "add", bridge, "type", "bridge");
  spawnSync("ip", ["link", "del", bridge], { stdio: "ignore" });
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  return hasBridge ? undefined : "there are no bridges here";
}
