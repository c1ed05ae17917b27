/**
 * kill -9 of the host in the middle of 5,000 tasks of 50 ms, 100 at a time, and a restart one second later: how soon the first
 * interrupted task runs again, and when all are done, both from the moment of the restart.
 */
import { fork, type ChildProcess } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../src/index.ts";
import type { HostReport } from "./host-process.ts";
import { startBenchServer } from "./server.ts";

const TASKS = 5_000;
const KILL_AFTER = 2_500;
const RESTART_AFTER_MS = 1_000;
const DEADLINE_MS = 60_000;

export interface CrashResult {
  readonly interrupted: number;
  readonly firstResumedMs: number;
  readonly allDoneMs: number;
  readonly done: number;
}

export async function measureCrash(): Promise<CrashResult> {
  const server = await startBenchServer({ syncAlways: false });
  const first = spawnHost(server.url);
  try {
    await first.heard((report) => report.kind === "ready");
    const client = await connect({ nats: server.url });
    await client.startMany(
      "work",
      Array.from({ length: TASKS }, (_, n) => ({ id: `t${n}` })),
    );
    await first.heard((report) => report.kind === "finished" && report.count >= KILL_AFTER);
    first.child.kill("SIGKILL");
    const unfinished = await unfinishedOf(client);
    const interrupted = new Set([...first.began].filter((id) => unfinished.has(id)));
    await pause(RESTART_AFTER_MS);
    const restartedAt = performance.now();
    const second = spawnHost(server.url);
    await second.heard((report) => report.kind === "began" && interrupted.has(report.id));
    const firstResumedMs = performance.now() - restartedAt;
    await second.heard((report) => report.kind === "finished" && report.count >= unfinished.size);
    const allDoneMs = performance.now() - restartedAt;
    const left = await unfinishedOf(client);
    second.child.kill("SIGKILL");
    await client.close();
    return { interrupted: interrupted.size, firstResumedMs, allDoneMs, done: TASKS - left.size };
  } finally {
    first.child.kill("SIGKILL");
    await server.stop();
  }
}

async function unfinishedOf(client: Awaited<ReturnType<typeof connect>>): Promise<Set<string>> {
  const unfinished = new Set(Array.from({ length: TASKS }, (_, n) => `t${n}`));
  for await (const { id } of client.list({ type: "work", state: "done" })) unfinished.delete(id);
  return unfinished;
}

interface WatchedHost {
  readonly child: ChildProcess;
  readonly began: Set<string>;
  heard(wanted: (report: HostReport) => boolean): Promise<void>;
}

function spawnHost(url: string): WatchedHost {
  const child = fork(new URL("./host-process.js", import.meta.url), [url, "100"]);
  const began = new Set<string>();
  child.on("message", (report: HostReport) => {
    if (report.kind === "began") began.add(report.id);
  });
  const heard = (wanted: (report: HostReport) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the host did not get there within ${DEADLINE_MS} ms`)), DEADLINE_MS);
      const listen = (report: HostReport): void => {
        if (!wanted(report)) return;
        clearTimeout(timer);
        child.off("message", listen);
        resolve();
      };
      child.on("message", listen);
    });
  return { child, began, heard };
}
