import { setTimeout as pause } from "node:timers/promises";
import { TroupeError } from "../core/errors.ts";
import { COMMITTED, type Commit, type CommitOutcome } from "../ports/store.ts";
import { apiError, classifyWrite, type ApiFailure } from "./failures.ts";
import type { Names } from "./names.ts";
import type { StoreAnswer } from "./pub-ack.ts";
import type { Reads } from "./reads.ts";
import type { Settler, Witness } from "./settler.ts";

/** A commit that was not simply stored, and what is needed to bring it to an end. */
export interface Recovery {
  readonly commit: Commit;
  /** Sends it again, a batch under a new id. */
  readonly send: () => Promise<StoreAnswer>;
  readonly witness: Witness;
  readonly names: Names;
  readonly reads: Reads;
  readonly settler: Settler;
  readonly resendMs: number;
}

const LONGEST_PAUSE_MS = 250;
/** A fence that the server calls wrong while it reads right: a replica's lag, or a fault of ours. */
const MOST_FENCE_PUZZLES = 5;

/** Ends in an outcome, whatever happens; never rejects. */
export async function recover(recovery: Recovery, first: StoreAnswer): Promise<CommitOutcome> {
  const giveUpAt = performance.now() + recovery.resendMs;
  let answer = first;
  let puzzles = 0;
  for (let round = 0; ; round++) {
    if (answer.kind === "stored") return COMMITTED;
    if (answer.kind === "silent") return recovery.settler.settle(recovery.commit, recovery.witness, answer.cause);
    const refusal = answer.kind === "absent" ? "again" : classifyWrite(answer.failure);
    if (refusal === "fence") {
      const outcome = await findLost(recovery);
      if (outcome !== undefined) return outcome;
      if (++puzzles > MOST_FENCE_PUZZLES) return refused(answer);
    }
    if (refusal === "final") return refused(answer);
    // It may well be stored another time, by whoever has the partition then: nobody's fault, and nothing to set an actor aside for.
    if (performance.now() > giveUpAt) return { kind: "unknown", cause: failureOf(answer) };
    await pause(refusal === "busy" ? 1 + Math.random() * 4 : Math.min(LONGEST_PAUSE_MS, 5 * 2 ** Math.min(round, 6)));
    answer = await recovery.send();
  }
}

/** The server does not say which of a batch's fences failed: all of them are read. */
async function findLost({ commit, names, reads }: Recovery): Promise<CommitOutcome | undefined> {
  const partitions = [...commit.fences.keys()];
  try {
    const newest = await reads.newest(
      names.streams.core,
      partitions.map((partition) => names.own(partition)),
    );
    const lost = partitions.filter((partition) => (newest.get(names.own(partition))?.sequence ?? 0) !== commit.fences.get(partition));
    return lost.length > 0 ? { kind: "conflict", lost } : undefined;
  } catch (error) {
    // Nothing was stored, that is certain; which fence failed is not. Whoever had them all must look again.
    return error instanceof TroupeError && error.retryable
      ? { kind: "conflict", lost: partitions }
      : { kind: "unknown", cause: error as Error };
  }
}

function refused(answer: Refusal): CommitOutcome {
  return { kind: "refused", error: failureOf(answer) };
}

type Refusal = Exclude<StoreAnswer, { kind: "stored" | "silent" }>;

function failureOf(answer: Refusal): TroupeError {
  const failure: ApiFailure =
    answer.kind === "absent" ? { code: 503, description: "nobody takes it: the stream is missing, or without a leader" } : answer.failure;
  return apiError(failure, "A commit");
}
