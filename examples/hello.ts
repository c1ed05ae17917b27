import { setTimeout as pause } from "node:timers/promises";
import { defineTask } from "../src/index.ts";

/** The smallest task there is. */
export const greet = defineTask<{ name: string }, string>({
  name: "greet",
  run: ({ input }) => `Hello, ${input?.name ?? "world"}`,
});

/** One that takes its time: reports progress, and stops when it is cancelled. */
export const sleep = defineTask<{ seconds: number }, string>({
  name: "sleep",
  retry: { attempts: 1 },
  run: async ({ input, signal, progress }) => {
    for (let second = 1; second <= input.seconds; second++) {
      await pause(1_000, undefined, { signal });
      progress({ second, of: input.seconds });
    }
    return `slept ${input.seconds} s`;
  },
});
