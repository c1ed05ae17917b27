import type { StartLane } from "../../src/core/address.ts";
import type { STRATEGIES } from "../../src/core/supervision.ts";
import type { Errand, TaskType } from "./cast.ts";
import type { Fault } from "./faults.ts";
import type { MemberOptions } from "./member.ts";
import type { ORDERS } from "./plans.ts";

/** One run, whole: drawn from a seed (draw.ts), and nothing but data, so that it can be printed and made smaller. */
export interface Scenario {
  readonly seed: number;
  readonly server: {
    readonly partitions: number;
    readonly maxLatencyMs: number;
    readonly singlesOverlap: boolean;
    readonly maxWrites: number;
    readonly inMaxMessages?: number;
    readonly maxWriteBytes?: number;
  };
  readonly hosts: readonly MemberOptions[];
  readonly jobs: readonly Job[];
  readonly faults: readonly Fault[];
}

/** What a client's sends meet with, one after the other, before one goes well. */
export type Loss = "request" | "answer";

/** Whom a job starts, when, and what befalls that. */
export interface Sent {
  readonly id: string;
  readonly atMs: number;
  readonly losses: readonly Loss[];
}

/** Something an actor is told by its client, so long after what came before it. */
export interface Say {
  readonly afterMs: number;
  readonly what: string;
  readonly ms?: number;
  /** What the actor keeps of it, beside its name. */
  readonly bytes?: number;
  readonly failures?: number;
  /** To whom it is to be passed on. */
  readonly to?: string;
  readonly child?: "a" | "b" | "c";
  readonly losses: readonly Loss[];
}

export type Job = Sent &
  (
    | {
        readonly kind: "task";
        readonly type: TaskType;
        readonly lane: StartLane;
        readonly ms: number;
        readonly failures: number;
        readonly delayMs: number;
        readonly deadlineMs?: number;
        readonly cancelAfterMs?: number;
        /** Started again, so long afterwards, without a message id. */
        readonly againAfterMs?: number;
        readonly retryAfterMs?: number;
      }
    /** Many tasks at once. */
    | { readonly kind: "burst"; readonly type: TaskType; readonly count: number; readonly ms: number }
    | { readonly kind: "diary"; readonly says: readonly Say[] }
    | { readonly kind: "family"; readonly shape: number; readonly questions: number; readonly ms: readonly number[] }
    | { readonly kind: "grove"; readonly says: readonly Say[] }
    | { readonly kind: "swapper"; readonly ms: number; readonly says: readonly Say[] }
    | { readonly kind: "crew"; readonly strategy: (typeof STRATEGIES)[number]; readonly says: readonly Say[] }
    | {
        readonly kind: "trip";
        readonly order: (typeof ORDERS)[number];
        readonly errands: readonly Errand[];
        readonly cancelAfterMs?: number;
      }
  );

export type JobOf<Kind extends Job["kind"]> = Extract<Job, { kind: Kind }>;
