import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Activation } from "./activation.ts";
import type { Session } from "./session.ts";

/** How a partition comes to rest. */
export interface Farewell {
  /** How long work may go on before it is given up. */
  readonly graceMs: number;
  /** What becomes of the partition where work that may not run twice goes on for longer: it stays, or that work is given up too. */
  readonly whenBound: "stay" | "go";
}

/** `rested`: nothing of the session is under way. `bound`: it must stay. `lost`: the session has ended meanwhile. */
export type Rest = "rested" | "bound" | "lost";

export interface VacatingParts {
  readonly clock: Clock;
  readonly of: (session: Session) => readonly Activation[];
  readonly abort: (activation: Activation, why: TroupeError) => void;
  /** Whether dead letters wait to be stored, or permits that gates of the session gave. */
  readonly hasLoose: (session: Session) => boolean;
  /** Timers of the session ring no more. */
  readonly hush: (session: Session) => void;
}

const LOOK_EVERY_MS = 5;
/** A commit that is not answered for so long is not waited for: the fence decides about it. */
const LONGEST_COMMIT_MS = 5_000;

/**
 * Brings a leaving session to rest, so that dropping it costs nobody else anything: turns that others were joined with are stored, not
 * lost. Work has until the grace is over; what goes on then is given up and begun again by the next owner, as its crash policy says.
 * Work that may not run twice would fail by that, so where it only moves the partition stays with it.
 */
export async function vacate(session: Session, { graceMs, whenBound }: Farewell, parts: VacatingParts): Promise<Rest> {
  const { clock } = parts;
  const since = clock.monotonic();
  for (;;) {
    if (!session.open) return "lost";
    const activations = parts.of(session);
    const isOver = clock.monotonic() - since >= graceMs;
    const isStored = !activations.some(hasUnstored) && !parts.hasLoose(session);
    if (isStored && !activations.some(isAtWork)) return "rested";
    if (isOver) {
      if (whenBound === "stay" && session.phase === "leaving" && activations.some(isBound)) return "bound";
      session.phase = "parting";
      const why = new TroupeError("lost_partition", `Partition ${session.partition} moves to another host`);
      for (const activation of activations) parts.abort(activation, why);
      parts.hush(session);
      if (isStored || clock.monotonic() - since >= graceMs + LONGEST_COMMIT_MS) return "rested";
    }
    await lookAgain(clock);
  }
}

function lookAgain(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const alarm = clock.every(LOOK_EVERY_MS, () => {
      alarm.cancel();
      resolve();
    });
  });
}

/** It works at something that a crash would end for good. */
export function isBound({ attempts }: Activation): boolean {
  return attempts.some(({ mayRepeat }) => !mayRepeat);
}

function hasUnstored({ pending, committing }: Activation): boolean {
  return pending !== undefined || committing !== undefined;
}

/** What lasts as long as its actor is not waited for. */
function isAtWork({ attempts, acts }: Activation): boolean {
  return acts.length > 0 || attempts.some(({ isLasting }) => !isLasting);
}
