import type { StartLane } from "../core/address.ts";
import type { Definition } from "../core/definition.ts";
import { HEADERS, parseInstant } from "../core/envelope.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Activation } from "./activation.ts";
import type { Attempt } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import type { Session } from "./session.ts";
import { StartQueue, type Waiting } from "./starts.ts";

/** What waits for a slot: a start that nobody has looked at, a task that could begin, an attempt that could. */
export type StartItem = Waiting &
  (
    | { readonly kind: "start"; readonly hold: Hold; readonly session: Session; hasLeft: boolean }
    | { readonly kind: "ready"; readonly activation: Activation }
    | { readonly kind: "attempt"; readonly activation: Activation; readonly attempt: Attempt }
  );

/** One reading of a source, until it is rewound: what was read and not begun comes again then. */
export interface Reading {
  readonly over: boolean;
}

export interface AdmissionParts {
  readonly clock: Clock;
  readonly concurrency: number;
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
 * Owns: the slots and the queue. Calls in: stage.ts. Calls out: whoever gets a slot.
 * A1. No more than `concurrency` slots are out, but for a start whose deadline passes while all are: it only expires.
 * A2. What is void when its turn comes is passed over: its session has ended, or somebody else has looked after it.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #starts = new StartQueue<StartItem>();
  #freeSlots: number;
  #isOpen = true;
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
    const lane = hold.delivery.lane as StartLane;
    const item: Extract<StartItem, { kind: "start" }> = {
      kind: "start",
      hold,
      session,
      lane,
      hasLeft: false,
      void: () => !session.accepts || reading.over || item.hasLeft,
    };
    this.wait(item);
    this.#watchDeadline(item);
  }

  wait(item: StartItem): void {
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
      const item = this.#starts.next();
      if (item === undefined) break;
      this.#freeSlots--;
      if (item.kind === "ready") this.#parts.begin(item.activation);
      else if (item.kind === "attempt") this.#parts.grant(item.activation, item.attempt);
      else {
        item.hasLeft = true;
        this.#parts.open(item.session, item.hold);
      }
    }
    this.#parts.relieved();
  }

  /** A start whose deadline passes while it waits for a slot is looked at then, not when a slot is free. */
  #watchDeadline(item: Extract<StartItem, { kind: "start" }>): void {
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

/** A task works; an actor only begins to hear. What it works at waits for slots of its own. */
export function needsSlot(definitions: ReadonlyMap<string, Definition>, { lane, type }: Delivery): boolean {
  return lane !== "event" && definitions.get(type)?.kind !== "actor";
}
