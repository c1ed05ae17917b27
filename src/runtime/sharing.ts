import type { Listening, Work } from "../ports/work.ts";
import type { Abilities } from "./abilities.ts";
import { Offers, type OfferParts } from "./offers.ts";
import type { Session } from "./session.ts";
import { SlotBoard, type SlotBoardParts } from "./slot-board.ts";
import { Taker, type TakerParts } from "./taker.ts";

type Common = Omit<OfferParts, "abilities" | "board" | "takeBack"> &
  Omit<TakerParts, "abilities"> &
  Omit<SlotBoardParts, "everyMs" | "news">;

export interface SharingParts extends Common {
  readonly abilities: Abilities;
  /** How often a host tells the others of its free slots, whatever happens. */
  readonly slotsEveryMs: number;
}

/** Offered and not taken: each keeps its actor in memory, some 4 KB. */
const MOST_UNTAKEN = 10_000;

/**
 * Work that one host owns and another runs: what this host knows of free slots elsewhere, what it offers, what it takes.
 *
 * Owns: slot-board.ts, offers.ts, taker.ts. Calls in: stage.ts.
 */
export class Sharing {
  readonly board: SlotBoard;
  readonly offers: Offers;
  readonly taker: Taker;

  readonly #work: Work;
  #isDraining = false;

  constructor(parts: SharingParts) {
    this.#work = parts.work;
    const free = (): number => (this.#isDraining ? 0 : parts.free());
    this.board = new SlotBoard({ ...parts, free, everyMs: parts.slotsEveryMs, news: parts.woken });
    this.offers = new Offers({ ...parts, free, board: this.board, takeBack: (item) => this.taker.takeBack(item) });
    this.taker = new Taker(parts);
  }

  /** Tells other hosts of free slots, and takes what they offer. */
  open(): void {
    this.board.open();
    this.taker.open();
  }

  /** Takes nothing more from others; what was taken goes on. */
  drain(): void {
    this.#isDraining = true;
    this.taker.drain();
    this.board.changed();
  }

  /** The host leaves: what it took and has not finished is its owner's again. */
  leave(): void {
    this.taker.stop();
    this.board.close();
  }

  /** Hears whoever has taken work of a partition's actors. */
  attend(session: Session): Listening {
    return this.#work.attend(session.partition, (call) => {
      if (session.open) this.offers.workers.heard(session, call);
    });
  }

  /** So much is offered and not taken that no more should begin. */
  get isFull(): boolean {
    return this.offers.untaken.size >= MOST_UNTAKEN;
  }
}
