import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Writable } from "node:stream";
import { TroupeError } from "../core/errors.ts";
import type { Environment } from "./run-program.ts";

/** A nats-server that dies with this process, however this process dies. */
export interface ServerProcess {
  readonly pid: number;
  /** Settles when it has ended, with how (`exit code 1`, `SIGKILL`). */
  readonly ended: Promise<string>;
  /** The last lines that it wrote. */
  lastWords(): string;
  /** SIGTERM, and SIGKILL when that does not end it. Settles when it has ended. */
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly program: string;
  readonly configPath: string;
  readonly logPath: string;
  readonly env: Environment;
}

const STOP_DEADLINE_MS = 10_000;
const LAST_LINES = 12;
const WATCH_FD = 3;

/**
 * The shell leaves a watch behind and becomes the server (exec: same pid), so there is no moment with a server and no watch.
 * The watch blocks on a pipe that only our process holds open. When we die, by whatever signal, the kernel closes it, read fails,
 * and the watch ends the server. After an orderly end we send a line instead, and the watch leaves the pid alone: it may be somebody
 * else's by then.
 */
const WATCHED_EXEC = `
(
  read -r line && exit 0
  kill -TERM $$
  waited=0
  while kill -0 $$ && [ $waited -lt 10 ]; do sleep 1; waited=$((waited + 1)); done
  kill -KILL $$
) <&3 >/dev/null 2>&1 3<&- &
exec "$0" "$@" 3<&-`;

/** Windows has no such shell: a small Node process watches there, started right after the server. */
const WATCH_PROGRAM = `process.stdin.once("data",()=>process.exit()).once("end",()=>{try{process.kill(Number(process.argv[1]))}catch{}})`;

/**
 * Starts it; whether it is ready is for others to find out.
 * @throws server_failed when there is nothing to start
 */
export function spawnServer(command: ServerCommand): ServerProcess {
  // A file, not a pipe: a server whose log reader has died would die of SIGPIPE before it could close its store.
  const logFd = openSync(command.logPath, "w", 0o600);
  const args = ["-c", command.configPath];
  const options = { env: command.env as NodeJS.ProcessEnv, windowsHide: true };
  try {
    if (process.platform === "win32") {
      const child = spawn(command.program, args, { ...options, stdio: ["ignore", logFd, logFd] });
      const watch = spawn(process.execPath, ["-e", WATCH_PROGRAM, String(child.pid)], { ...options, stdio: ["pipe", "ignore", "ignore"] });
      return supervise(child, watch.stdin, command.logPath);
    }
    // Its own process group (detached): Ctrl-C reaches our process only, which then stops its hosts before the server.
    const child = spawn("/bin/sh", ["-c", WATCHED_EXEC, command.program, ...args], {
      ...options,
      detached: true,
      stdio: ["ignore", logFd, logFd, "pipe"],
    });
    return supervise(child, child.stdio[WATCH_FD] as Writable, command.logPath);
  } finally {
    closeSync(logFd);
  }
}

function supervise(child: ChildProcess, watch: Writable, logPath: string): ServerProcess {
  watch.on("error", () => undefined); // EPIPE: the watch is gone already
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once("error", (error) => resolve(error.message));
  });
  void ended.then(() => watch.end("ended\n"));
  if (child.pid === undefined) throw new TroupeError("server_failed", `${child.spawnfile} could not be started`);
  let stopped: Promise<void> | undefined;
  return {
    pid: child.pid,
    ended,
    lastWords: () => tail(logPath),
    stop: () => (stopped ??= stop(child, ended)),
  };
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(timer);
}

function tail(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  } catch {
    return "";
  }
}
