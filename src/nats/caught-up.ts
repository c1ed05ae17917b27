import { TroupeError } from "../core/errors.ts";

/**
 * What one copy answered to a batched read. `whole`: everything that it has of what was asked for. `cut`: as much as it sends at once.
 * `none`: it has nothing of it, and does not say how far it has come. `damaged`: it could not load what it has, or it is ending.
 */
export interface Page<Found> {
  readonly ending: "whole" | "cut" | "none" | "damaged";
  readonly found: Found;
  /** The last sequence that the copy had applied as it answered; 0 where it does not say. */
  readonly upTo: number;
}

/** Asks once. `heard` is called whenever something of the answer comes. */
export type Ask<Found> = (heard: () => void) => Promise<Page<Found>>;

/** A copy answers at once. One whose server is frozen or cut off never does: then another is asked beside it. */
const ASK_ANOTHER_AFTER_MS = 200;
/** A copy is behind the leader for as long as a message takes between servers, or until it has caught up after an outage. */
const LONGEST_PAUSE_MS = 50;

export interface Quest {
  /** The stream, for errors. */
  readonly about: string;
  /** The sequence that a copy must have applied to be believed. */
  readonly atLeast: number;
  readonly hasCopies: boolean;
  readonly deadlineMs: number;
}

/**
 * Asks until a copy answers that has come far enough. The server passes each question to one of the copies at random, so the next may well
 * come to one that is further.
 * @throws what `ask` throws; no_answer where none has come so far in time
 */
export function fromCaughtUp<Found>({ about, atLeast, hasCopies, deadlineMs }: Quest, ask: Ask<Found>): Promise<Page<Found>> {
  return new Promise((resolve, reject) => {
    const giveUpAt = performance.now() + deadlineMs;
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    let heardAt = 0;
    let silenceMs = ASK_ANOTHER_AFTER_MS;
    let pauseMs = 1;
    const end = (settle: () => void): void => {
      isOver = true;
      clearTimeout(timer);
      settle();
    };
    const onceSilent = (inMs: number): void => {
      timer = setTimeout(() => {
        const leftMs = heardAt + silenceMs - performance.now();
        if (leftMs > 0) return onceSilent(leftMs);
        silenceMs *= 2;
        askOne();
      }, inMs);
    };
    const askOne = (): void => {
      if (performance.now() > giveUpAt) return end(() => reject(behind(about, atLeast)));
      if (hasCopies) onceSilent(silenceMs);
      ask(() => (heardAt = performance.now())).then(heard, (error: Error) => {
        if (!isOver) end(() => reject(error));
      });
    };
    const heard = (page: Page<Found>): void => {
      if (isOver) return;
      if (isBelieved(page, atLeast)) return end(() => resolve(page));
      clearTimeout(timer);
      timer = setTimeout(askOne, pauseMs);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    };
    askOne();
  });
}

function isBelieved({ ending, upTo }: Page<unknown>, atLeast: number): boolean {
  if (ending === "none") return atLeast === 0;
  return ending !== "damaged" && upTo >= atLeast;
}

function behind(about: string, atLeast: number): TroupeError {
  return new TroupeError("no_answer", `${about}: no copy that answers has come as far as message ${atLeast}, which is stored`, { about });
}
