import { spawn, type ChildProcessByStdio } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export interface HostProcessOptions {
  readonly url: string;
  readonly namespace: string;
  /** Where every run of user code becomes a line. */
  readonly journal: string;
  readonly concurrency: number;
  /** What actors that have nothing to do may take in memory. */
  readonly cacheBytes?: number;
  readonly partitions: number;
  /** How many copies the streams have; 1 where none is named. */
  readonly replicas?: number;
  readonly leaseTtl: string;
  readonly labels?: readonly string[];
  /** Of a host that does the workload of the long runs: what its lines call it. */
  readonly name?: string;
}

/** What runs: the host of the scenarios that stop at one step, or that of the long runs. */
type HostProgram = "host-process.mjs" | "workload-host.mjs";

export interface Circumstances {
  readonly program?: HostProgram;
  /** By how much its time of day is off. */
  readonly skewMs?: number;
}

/** A host as a real process of the compiled package. It ends with this process at the latest. */
export interface HostProcess extends AsyncDisposable {
  readonly pid: number;
  /** The host's id, once it has joined. @throws when it ends before */
  readonly joined: Promise<string>;
  /** Settles with how it ended. */
  readonly ended: Promise<string>;
  readonly hasEnded: boolean;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; settles when it is gone. */
  kill(): Promise<void>;
  /** The last lines of what it complained about. */
  lastWords(): string;
}

const here = (file: string): string => fileURLToPath(new URL(`./${file}`, import.meta.url));
const LAST_LINES = 20;

export function spawnHost(options: HostProcessOptions, { program = "host-process.mjs", skewMs = 0 }: Circumstances = {}): HostProcess {
  const logPath = `${options.journal}.log`;
  const log = openSync(logPath, "a");
  const clock = skewMs === 0 ? [] : ["--import", here("skewed-clock.mjs")];
  const child = spawn(process.execPath, [...clock, here(program), JSON.stringify(options)], {
    stdio: ["pipe", "pipe", log],
    env: { ...process.env, TROUPE_FAULT_SKEW_MS: String(skewMs) },
  }) as ChildProcessByStdio<Writable, Readable, null>;
  closeSync(log);
  child.stdin.on("error", () => {});
  let hasEnded = false;
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      hasEnded = true;
      resolve(signal ?? `exit code ${code}`);
    });
  });
  const lastWords = (): string => readFileSync(logPath, "utf8").trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  const joined = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      if (line.startsWith("ready ")) resolve(line.slice("ready ".length));
    });
    void ended.then((how) => reject(new Error(`the host ended with ${how} before it had joined:\n${lastWords()}`)), reject);
  });
  joined.catch(() => {});
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return {
    pid: child.pid as number,
    joined,
    ended,
    get hasEnded() {
      return hasEnded;
    },
    signal: (signal) => void child.kill(signal),
    kill,
    lastWords,
    [Symbol.asyncDispose]: kill,
  };
}
