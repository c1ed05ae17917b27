import type { TroupeError } from "../core/errors.ts";
import { COMMITTED, type CommitOutcome } from "../ports/store.ts";
import type { Waiting } from "./answers.ts";
import { isStored, readPubAck, type StoreAnswer } from "./pub-ack.ts";

/** A single write's answer: stored is the end of it, anything else is trouble. */
export class Single implements Waiting {
  readonly #stored: (outcome: CommitOutcome) => void;
  readonly #otherwise: (answer: StoreAnswer) => void;
  readonly #hears: ((answer: StoreAnswer) => void) | undefined;

  constructor(
    stored: (outcome: CommitOutcome) => void,
    otherwise: (answer: StoreAnswer) => void,
    hears: ((answer: StoreAnswer) => void) | undefined,
  ) {
    this.#stored = stored;
    this.#otherwise = otherwise;
    this.#hears = hears;
  }

  heard(message: Parameters<typeof readPubAck>[0]): true {
    if (isStored(message.data)) {
      this.#hears?.(readPubAck(message));
      this.#stored(COMMITTED);
    } else this.#otherwise(readPubAck(message));
    return true;
  }

  silent(cause: TroupeError): void {
    this.#otherwise({ kind: "silent", cause });
  }
}
