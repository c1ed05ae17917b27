import { Worker } from "node:worker_threads";
import { added, type Result } from "./seeds.ts";

export interface FleetOptions {
  readonly from: number;
  readonly seeds: number;
  readonly workers: number;
  /** Told after every portion. */
  readonly progress: (played: number, result: Result) => void;
}

/** Seeds that one worker plays before it says how it went. */
const PORTION = 20;

/** Plays seeds in several workers. The result does not depend on who played which. @throws what a worker throws */
export async function playInWorkers({ from, seeds, workers, progress }: FleetOptions): Promise<Result> {
  let next = from;
  let played = 0;
  let result: Result = { tally: {}, failures: [] };
  const end = from + seeds;
  const take = (): { from: number; count: number } | undefined => {
    if (next >= end) return undefined;
    const portion = { from: next, count: Math.min(PORTION, end - next) };
    next += portion.count;
    return portion;
  };
  const note = (part: Result, count: number): void => {
    played += count;
    const failures = [...result.failures, ...part.failures].toSorted((one, other) => one.seed - other.seed);
    result = { tally: added(result.tally, part.tally), failures };
    progress(played, result);
  };
  await Promise.all(Array.from({ length: workers }, () => employ(take, note)));
  return result;
}

function employ(take: () => { from: number; count: number } | undefined, note: (part: Result, count: number) => void): Promise<void> {
  const worker = new Worker(new URL("./worker.js", import.meta.url));
  return new Promise((resolve, reject) => {
    let portion = take();
    const goOn = (): void => {
      if (portion === undefined) void worker.terminate().then(() => resolve());
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's, not a window's
      else worker.postMessage(portion);
    };
    worker.on("error", reject);
    worker.on("message", (part: Result) => {
      note(part, portion?.count ?? 0);
      portion = take();
      goOn();
    });
    goOn();
  });
}
