import { setTimeout as pause } from "node:timers/promises";
import type { TroupeError } from "../core/errors.ts";
import { COMMITTED, type Commit, type CommitOutcome } from "../ports/store.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import type { Reads } from "./reads.ts";
import type { Stored } from "./stored.ts";

/** How a commit is recognised in the stream: by its batch's id, or (one write alone) by its very bytes. */
export type Witness =
  | { readonly subject: string; readonly body: Uint8Array }
  | { readonly subject: string; readonly batchId: () => string };

interface Case {
  readonly commit: Commit;
  readonly witness: Witness;
  readonly cause: TroupeError;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly giveUpAt: number;
}

/** Moves a partition's fence, so that what carries the old one is refused for ever. Resolves when it has moved, by whomever. */
export type Seal = (partition: number, fence: number) => Promise<void>;

const ROUND_PAUSE_MS = 20;
const LONGEST_ROUND_PAUSE_MS = 250;

/**
 * Finds out what became of commits whose answers never came.
 *
 * A message that is not in the stream may still be on its way: in the server's queue, or in the receive buffer of the broken
 * connection. Reading alone can therefore prove only that a commit *was* stored. To prove that it was not and never will be, one of
 * its partitions is sealed: the fence moves, the late message is refused, and only then the absence counts. That costs the
 * partition (`conflict`: it is claimed again, its mail redelivered), which is a fair price for something that happens when a
 * connection or server dies.
 *
 * Owns: the open cases. Calls in: recovery.ts. Calls out: reads, then the seal.
 * T1. `committed` only if the witness was read from the leader; `conflict` only after the seal; otherwise `unknown`.
 * T2. Cases are read together: a broken connection leaves thousands of them.
 */
export class Settler {
  readonly #reads: Reads;
  readonly #names: Names;
  readonly #seal: Seal;
  readonly #deadlineMs: number;
  #cases: Case[] = [];
  #running = false;

  constructor(reads: Reads, names: Names, seal: Seal, deadlineMs: number) {
    this.#reads = reads;
    this.#names = names;
    this.#seal = seal;
    this.#deadlineMs = deadlineMs;
  }

  settle(commit: Commit, witness: Witness, cause: TroupeError): Promise<CommitOutcome> {
    return new Promise((resolve) => {
      this.#cases.push({ commit, witness, cause, resolve, giveUpAt: performance.now() + this.#deadlineMs });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    let pauseMs = ROUND_PAUSE_MS;
    while (this.#cases.length > 0) {
      const cases = this.#cases;
      this.#cases = [];
      try {
        const missing = await this.#settleFound(cases);
        await this.#sealAll(missing);
        for (const each of await this.#settleFound(missing)) each.resolve({ kind: "conflict", lost: [sealedOf(each.commit)[0]] });
        pauseMs = ROUND_PAUSE_MS;
      } catch {
        // Not reachable yet. What was settled in this round before it failed ignores a second ending.
        this.#postpone(cases);
        await pause(pauseMs, undefined, { ref: false });
        pauseMs = Math.min(LONGEST_ROUND_PAUSE_MS, pauseMs * 2);
      }
    }
    this.#running = false;
  }

  /** Ends the cases whose witness is there; gives back the others. */
  async #settleFound(cases: readonly Case[]): Promise<readonly Case[]> {
    if (cases.length === 0) return [];
    const newest = await this.#reads.newest(this.#names.streams.core, [...new Set(cases.map(({ witness }) => witness.subject))]);
    return cases.filter((each) => {
      const found = isWitness(each.witness, newest.get(each.witness.subject));
      if (found) each.resolve(COMMITTED);
      return !found;
    });
  }

  async #sealAll(cases: readonly Case[]): Promise<void> {
    const seals = new Map<number, number>();
    for (const { commit } of cases) seals.set(...sealedOf(commit));
    await Promise.all([...seals].map(([partition, fence]) => this.#seal(partition, fence)));
  }

  #postpone(cases: readonly Case[]): void {
    const now = performance.now();
    for (const each of cases) {
      if (now < each.giveUpAt) this.#cases.push(each);
      else each.resolve({ kind: "unknown", cause: each.cause });
    }
  }
}

/** One fence is enough: it refuses the whole batch. */
function sealedOf(commit: Commit): [partition: number, fence: number] {
  return commit.fences.entries().next().value as [number, number];
}

function isWitness(witness: Witness, stored: Stored | undefined): boolean {
  if (stored === undefined) return false;
  return "body" in witness ? Buffer.compare(witness.body, stored.body) === 0 : stored.header(NATS_HEADERS.batchId) === witness.batchId();
}
