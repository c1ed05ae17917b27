import { parentPort } from "node:worker_threads";
import { playSeeds } from "./seeds.ts";

/** Plays the seeds that it is sent, and says what came of them. */
parentPort?.on("message", ({ from, count }: { from: number; count: number }) => {
  void playSeeds(from, count).then(
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's, not a window's
    (result) => parentPort?.postMessage(result),
    // A defect of the simulation itself: whoever listens must not wait.
    (error: unknown) => {
      throw error;
    },
  );
});
