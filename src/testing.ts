/** The kit for tests of programs that use troupe: a whole system in one process, on virtual time, with faults on demand. */
export { createTestTroupe, TestTroupe, type DeadLetter, type StateOf } from "./testing/troupe.ts";
export type { TestTroupeOptions } from "./testing/options.ts";
export { CrashDifference, everyCrash, type EveryCrashOptions, type EveryCrashReport, type OpenTroupe } from "./testing/every-crash.ts";
export type { FaultOptions, Faults } from "./testing/faults.ts";
export type { TestHost } from "./testing/host.ts";
export type { LogEntry } from "./testing/logbook.ts";
