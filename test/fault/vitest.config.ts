import { defineConfig } from "vitest/config";

/** Real hosts, servers and networks in trouble: minutes, so they run beside `npm test`, not in it. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/fault/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most of them wait most of the time: for leases to lapse, for elections.
    maxWorkers: 2,
    // As in test/vitest.config.ts.
    retry: process.env["CI"] === undefined ? 0 : 1,
    pool: "forks",
    // An hour's history is held in memory.
    execArgv: ["--max-old-space-size=8192"],
  },
});
