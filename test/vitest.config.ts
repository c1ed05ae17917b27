import { defineConfig } from "vitest/config";

/** Every file starts its own servers, so files may run beside each other; two cores carry two. */
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts"],
    // Minutes of real trouble: npm run test:fault.
    exclude: ["test/fault/**"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Real servers on a machine that others use: one that stalls for seconds is no fault of ours. What fails twice is; the report says
    // which test was tried again.
    retry: process.env["CI"] === undefined ? 0 : 1,
    pool: "forks",
  },
});
