/**
 * What the runner and a contender say to each other.
 *
 * A contender is two scripts, a worker and a producer, each forked once per run against a fresh server. They talk to
 * the runner over `process.send` in rounds (a warm-up, then the measured one), so that both are judged with warm code.
 * The worker is forked first and makes whatever streams it needs before it says `ready`.
 */

/** `one`: submitted one by one without waiting. `batch`: bulk. `call`: 100 callers, each awaiting its result before
 * the next. `latency`: one caller. */
export type Mode = "one" | "batch" | "call" | "latency";
export const modes: readonly Mode[] = ["one", "batch", "call", "latency"];

/** A compiled script, started as `node ...nodeFlags <script> <server url> ...args`. */
export interface Entry {
  readonly script: URL;
  readonly args: readonly string[];
  readonly nodeFlags?: readonly string[];
}

export interface Contender {
  readonly name: string;
  readonly worker: Entry;
  readonly producer: Entry;
}

/** `round` is unique within a run: make task ids of it. */
export type WorkerCommand = { readonly kind: "expect"; readonly round: string; readonly count: number } | { readonly kind: "stop" };

export type ProducerCommand =
  | { readonly kind: "produce"; readonly round: string; readonly mode: Mode; readonly count: number }
  | { readonly kind: "stop" };

/** Milliseconds since the epoch with fractions (`entry.ts`, `wallClockMs`): comparable between processes. */
type WallClockMs = number;

export interface Usage {
  /** User and system CPU of the process during this round. */
  readonly cpuMicros: number;
  /** High-water mark since the process began. */
  readonly peakRssKiB: number;
}

export type WorkerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "expecting"; readonly round: string }
  /** Sent once `count` tasks are finished *and the server has said so*; `lastDoneAt` is when it said the last. */
  | ({ readonly kind: "done"; readonly round: string; readonly lastDoneAt: WallClockMs } & Usage)
  | { readonly kind: "failed"; readonly reason: string };

export type ProducerReport =
  | { readonly kind: "ready" }
  /** Sent once every submission is acknowledged; in `call` and `latency`, once every result is in. */
  | ({
      readonly kind: "submitted";
      readonly round: string;
      readonly firstSubmitAt: WallClockMs;
      /** Submit to result of each call, only in `call` and `latency`. */
      readonly latencyMs?: LatencySummary;
    } & Usage)
  | { readonly kind: "failed"; readonly reason: string };

export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}
