import { formatAddress } from "../core/address.ts";
import { isEnded } from "../core/record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Activation, Pending } from "./activation.ts";
import { Fifo } from "../core/fifo.ts";
import { Hold } from "./hold.ts";
import { join, leave, sizeTogether } from "./joint.ts";
import { NearDelivery, type Mail } from "./near-delivery.ts";
import { removeWrite } from "./pending.ts";
import type { Session } from "./session.ts";

export interface NearbyParts {
  /** Off: all mail goes over the store. */
  readonly nearMail: boolean;
  readonly clock: Clock;
  /** The most writes that one commit may hold. */
  readonly maxWrites: number;
  readonly sessionOf: (partition: number) => Session | undefined;
  /** The actor, if it is in memory. */
  readonly find: (key: string) => Activation | undefined;
  /** An actor that certainly does not exist, with a slot where it needs one; undefined where it cannot begin here. */
  readonly conceive: (session: Session, mail: Mail) => Activation | undefined;
  readonly hasSlot: () => boolean;
  readonly hasRoom: (activation: Activation) => boolean;
  readonly perform: (activation: Activation, hold: Hold) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/** Of what a commit may hold, what actors that hear each other may fill together. */
const SHARE = 0.6;
/** Larger records and letters make a batch slow, and may have to lie in parts. */
const MOST_BYTES = 64 * 1024;
/** So much mail may go round between them before it takes the way over the store, where others have their turn. */
const MOST_HEARD = 1_000;

/**
 * Children that begin before what is ready is committed: the server works at one family while the host turns the next, and neither
 * its socket nor its timers wait for all of them.
 */
const MOST_BEGUN_AT_ONCE = 128;

const LEAST_SWEEP = 1_024;

interface Offer {
  readonly from: Activation;
  readonly pending: Pending;
  readonly place: string;
  readonly mail: Mail;
  readonly followsEnd: boolean;
}

/**
 * Mail between actors of one host, heard at once: the turns of sender and receiver become one commit (Joint), and the mail itself is
 * never stored. A hundred children of one parent that end at once are a hundred and one messages then, and none to deliver.
 *
 * Owns: the mail that was offered and not decided on. Calls in: dispatch.ts (offers), the committer and the admission (`hand`).
 * Calls out: the performer.
 * N1. All of it stays in its sender's commit until its receiver has heard it: whatever is not heard in time is stored, as ever.
 * N2. No mail overtakes earlier mail of its sender to the same actor. Only what a sender has certainly not sent before over the
 *     store goes this way: `Activation.near` says how much that is.
 * N3. Nobody delivers near mail again. What it leaves open has a reminder in the same commit (reminder.ts), which stands for it.
 */
export class Nearby {
  readonly #parts: NearbyParts;
  readonly #mostWrites: number;
  readonly #starts = new Fifo<Offer>();
  readonly #events = new Fifo<Offer>();
  #isScheduled = false;
  #isHanding = false;
  #mayBegin = MOST_BEGUN_AT_ONCE;
  #isResuming = false;
  #wasAwaited = false;
  #sweepAt = LEAST_SWEEP;

  constructor(parts: NearbyParts) {
    this.#parts = parts;
    this.#mostWrites = Math.floor(parts.maxWrites * SHARE);
  }

  /** Mail that lies in its sender's pending turns. */
  offer(from: Activation, pending: Pending, place: string, mail: Mail): void {
    if (!this.#parts.nearMail || !this.#isNear(from, mail)) {
      this.#stays(from, mail);
      return;
    }
    (mail.lane === "event" ? this.#events : this.#starts).push({ from, pending, place, mail, followsEnd: from.followsEnd });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.hand();
    });
  }

  /** Hands over what can be by now, and what follows from it. A start that lacks a slot waits until its sender's turns are sealed. */
  hand(): void {
    if (this.#isHanding) return;
    this.#isHanding = true;
    try {
      // What is handed over adds to both. A child goes before what it is sent.
      for (;;) {
        const offer = this.#canBegin ? (this.#starts.shift() ?? this.#events.shift()) : this.#events.shift();
        if (offer === undefined) break;
        offer.pending.isAwaited = false;
        if (!this.#take(offer)) this.#stays(offer.from, offer.mail);
      }
    } finally {
      this.#isHanding = false;
    }
  }

  /** Commits are about to be sealed: what was said is heard, and nobody begins any more who could not end before. */
  close(): void {
    const { hasSlot } = this.#parts;
    const mayBegin = this.#mayBegin;
    this.#mayBegin = 0;
    this.hand();
    this.#mayBegin = mayBegin;
    // Whoever only waits for the next round can be part of its parent's commit then.
    const isAwaited = hasSlot() && this.#starts.size > 0;
    if (isAwaited || this.#wasAwaited) for (const { pending } of this.#starts) pending.isAwaited = isAwaited;
    this.#wasAwaited = isAwaited;
    if (isAwaited) this.#resumeSoon();
    else if (this.#starts.size > this.#sweepAt) this.#sweep();
  }

  /** Starts whose sender has been sealed without them wait for nothing: they are in the store. */
  #sweep(): void {
    this.#starts.keep(({ from, pending }) => from.pending === pending && from.phase !== "dropped");
    this.#sweepAt = Math.max(LEAST_SWEEP, 2 * this.#starts.size);
  }

  get #canBegin(): boolean {
    return this.#mayBegin > 0 && this.#parts.hasSlot();
  }

  #resumeSoon(): void {
    if (this.#isResuming) return;
    this.#isResuming = true;
    this.#parts.clock.soon(() => {
      this.#isResuming = false;
      this.#mayBegin = MOST_BEGUN_AT_ONCE;
      this.hand();
    });
  }

  #isNear({ near, recordBytes, session }: Activation, { lane, partition, letter }: Mail): boolean {
    if (near === "starts" && lane === "event") return false;
    if (recordBytes > MOST_BYTES || letter.size > MOST_BYTES) return false;
    // What is joined with a session that leaves would hold it up.
    return session.accepts && this.#parts.sessionOf(partition)?.accepts === true;
  }

  #take({ from, pending, place, mail, followsEnd }: Offer): boolean {
    if (from.pending !== pending || from.phase === "dropped" || !this.#isNear(from, mail)) return false;
    if ((pending.joint?.heard ?? 0) >= MOST_HEARD) return false;
    const target = mail.lane === "event" ? this.#listener(from, mail) : this.#conceived(from, mail);
    if (target === undefined) return false;
    const delivery = new NearDelivery(mail, this.#parts.clock.now(), followsEnd);
    if (target.reminder === "none") target.reminder = "due";
    // Before it hears: its turn must know how much room is left.
    const { actor } = target;
    const hadNothing = target.pending === undefined;
    const joint = join(from, target);
    this.#parts.perform(target, new Hold(delivery));
    joint.heard++;
    if (hadNothing && target.actor === actor) leave(target);
    if (!delivery.isRefused) removeWrite(pending, place);
    this.#parts.retire(target);
    return !delivery.isRefused;
  }

  #listener(from: Activation, { to }: Mail): Activation | undefined {
    const target = this.#parts.find(formatAddress(to));
    if (target?.phase !== "ready" || target.actor === undefined || isEnded(target.actor.record)) return undefined;
    const isTooMuch = sizeTogether(from, target) > this.#mostWrites || target.recordBytes > MOST_BYTES;
    return isTooMuch || target.misfit !== undefined || !this.#parts.hasRoom(target) ? undefined : target;
  }

  #conceived(from: Activation, mail: Mail): Activation | undefined {
    if (sizeTogether(from, undefined) > this.#mostWrites) return undefined;
    const session = this.#parts.sessionOf(mail.partition);
    const child = session?.accepts === true ? this.#parts.conceive(session, mail) : undefined;
    if (child !== undefined) this.#mayBegin--;
    return child;
  }

  /** Later mail of this sender could overtake it. */
  #stays(from: Activation, { lane }: Mail): void {
    if (lane === "event") from.near = "starts";
  }
}
