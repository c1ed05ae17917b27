import type { StartLane } from "../core/address.ts";
import type { Definition } from "../core/definition.ts";
import { HEADERS, parseInstant } from "../core/envelope.ts";
import type { Clock } from "../ports/clock.ts";
import type { Abilities } from "./abilities.ts";
import type { Activation } from "./activation.ts";
import type { Attempt } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import type { Offers } from "./offers.ts";
import type { Session } from "./session.ts";
import { StartQueue } from "./starts.ts";
import type { Taker } from "./taker.ts";
import type { Turnover } from "./turnover.ts";
import { waitingAttempt, waitingStart, waitingTask, type Reading, type StartItem, type WaitingStart } from "./waiting.ts";

export interface AdmissionParts {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly abilities: Pick<Abilities, "canRun">;
  /** Whether others may have a slot for what finds none here. */
  readonly offers: Pick<Offers, "mayOffer" | "hasOthers">;
  /** Takes what others offer. */
  readonly taker: Pick<Taker, "reserves">;
  readonly turnover: Pick<Turnover, "slowInMs">;
  /** The number of free slots may be another. */
  readonly changed: () => void;
  /** Whether so much is uncommitted that nothing more should begin. */
  readonly isPressed: () => boolean;
  /** Each gets a slot along, and gives it back by `slotFreed`. */
  readonly open: (session: Session, hold: Hold) => void;
  readonly begin: (activation: Activation) => void;
  readonly grant: (activation: Activation, attempt: Attempt) => void;
  /** What is in this host's hands already takes free slots first. */
  readonly first: () => void;
  /** There is room again: inlets that stopped may want more. */
  readonly relieved: () => void;
}

/**
 * The host's slots, and what waits for them: by lane, then by arrival.
 *
 * Owns: the slots and the queue. Calls in: stage.ts, entrance.ts, performer.ts, sharing.ts. Calls out: whoever gets a slot.
 * A1. No more than `concurrency` slots are out, but for a start whose deadline passes while all are, which only expires, and for one that
 *     is to be offered to others: it gives its slot back before anything runs.
 * A2. What is void when its turn comes is passed over: its session has ended, or somebody else has looked after it.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #starts = new StartQueue<StartItem>();
  #freeSlots: number;
  #isOpen = true;
  #isLookingAgain = false;
  #admitScheduled = false;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.#freeSlots = parts.concurrency;
  }

  get running(): number {
    return this.#parts.concurrency - this.#freeSlots;
  }

  waitingIn(lane: StartLane): number {
    return this.#starts.waitingIn(lane);
  }

  /** A start that was delivered in an open session. */
  start(session: Session, hold: Hold, reading: Reading): void {
    const item = waitingStart(session, hold, reading);
    this.#wait(item);
    this.#watchDeadline(item);
  }

  /** A task that could begin. Where others do its work it needs no slot here, but waits all the same once nothing is begun any more. */
  ready(activation: Activation): void {
    if (this.#parts.abilities.canRun(activation.address.type) || !this.#isOpen) this.#wait(waitingTask(activation));
    else queueMicrotask(() => this.#parts.begin(activation));
  }

  /** An attempt that could begin. */
  attempt(activation: Activation, attempt: Attempt): void {
    this.#wait(waitingAttempt(activation, attempt));
  }

  #wait(item: StartItem): void {
    this.#starts.add(item);
    this.schedule();
  }

  /** Whether what needs no slot may begin. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get hasSlot(): boolean {
    return this.#freeSlots > 0 && !this.#parts.isPressed();
  }

  /** Attempts that could begin here now and have nobody yet. */
  get free(): number {
    return this.#isOpen ? Math.max(0, this.#freeSlots - this.#starts.size) : 0;
  }

  /** More has been begun than there are slots: some of it is to be offered. */
  get isOver(): boolean {
    return this.#freeSlots < 0;
  }

  takeSlot(): void {
    this.#freeSlots--;
  }

  slotFreed(): void {
    this.#freeSlots++;
    this.schedule();
  }

  /** Nothing begins any more; what runs goes on. */
  close(): void {
    this.#isOpen = false;
  }

  /** Looks again soon; whatever changes in one socket read is looked at once. */
  schedule(): void {
    if (this.#admitScheduled) return;
    this.#admitScheduled = true;
    queueMicrotask(() => {
      this.#admitScheduled = false;
      this.#admit();
    });
  }

  #admit(): void {
    this.#parts.first();
    while (this.#isOpen && this.#freeSlots > 0 && !this.#parts.isPressed()) {
      if (this.#parts.taker.reserves(this.#starts.nextLane)) {
        this.#freeSlots--;
        continue;
      }
      const item = this.#starts.next();
      if (item === undefined) break;
      this.#begin(item);
    }
    if (this.#isOpen && this.#freeSlots <= 0 && this.#starts.size > 0 && this.#parts.offers.hasOthers) this.#share();
    this.#parts.changed();
    this.#parts.relieved();
  }

  #begin(item: StartItem): void {
    this.#freeSlots--;
    if (item.kind === "ready") this.#parts.begin(item.activation);
    else if (item.kind === "attempt") this.#parts.grant(item.activation, item.attempt);
    else {
      item.hasLeft = true;
      this.#parts.open(item.session, item.hold);
    }
  }

  /** What finds no slot here goes to others that have some, where what runs here takes long enough. */
  #share(): void {
    const { slowInMs } = this.#parts.turnover;
    if (slowInMs > 0) return this.#lookAgain(slowInMs);
    while (this.#freeSlots <= 0 && !this.#parts.isPressed()) {
      const item = this.#starts.nextThat((each) => this.#mayGo(each));
      if (item === undefined) return;
      this.#begin(item);
    }
  }

  #lookAgain(waitMs: number): void {
    if (this.#isLookingAgain) return;
    this.#isLookingAgain = true;
    this.#parts.clock.after(waitMs, () => {
      this.#isLookingAgain = false;
      this.schedule();
    });
  }

  /** Whether it may begin without a slot here, since others have some. */
  #mayGo(item: StartItem): boolean {
    if (item.kind === "attempt") return false;
    const definition = item.kind === "ready" ? item.activation.definition : this.#parts.definitions.get(item.hold.delivery.type);
    return this.#parts.offers.mayOffer(definition, -this.#freeSlots);
  }

  /** A start whose deadline passes while it waits for a slot is looked at then, not when a slot is free. */
  #watchDeadline(item: WaitingStart): void {
    const { hold, session } = item;
    const deadline = hold.delivery.header(HEADERS.deadline);
    if (deadline === "") return;
    const { clock } = this.#parts;
    const waitMs = parseInstant(deadline) - clock.now();
    if (!Number.isFinite(waitMs) || waitMs <= 0) return;
    clock.after(waitMs, () => {
      if (item.void()) return;
      item.hasLeft = true;
      this.#freeSlots--;
      this.#parts.open(session, hold);
    });
  }
}
