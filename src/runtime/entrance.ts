import { formatAddress, type Address } from "../core/address.ts";
import { decodeRecord } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import { asRecord } from "../core/record.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { Activation, NOTHING } from "./activation.ts";
import type { Abilities } from "./abilities.ts";
import type { Admission } from "./admission.ts";
import type { Cast } from "./cast.ts";
import type { Committer } from "./committer.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { unknownType } from "./decode.ts";
import type { Early } from "./early.ts";
import type { Hold } from "./hold.ts";
import type { KnownIds } from "./known-ids.ts";
import { Loader } from "./loader.ts";
import type { Performer } from "./performer.ts";
import type { Session } from "./session.ts";

export interface EntranceParts {
  readonly store: Store;
  readonly log: Log;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly abilities: Abilities;
  readonly cast: Cast;
  readonly known: KnownIds;
  readonly early: Early;
  readonly admission: Admission;
  readonly committer: Committer;
  readonly deadLetters: DeadLetters;
  readonly performer: () => Performer;
  /** The session can no longer be trusted. */
  readonly lost: (session: Session, why: TroupeError) => void;
}

/**
 * Below so many, a start that is known to be new begins at once, which saves a read's latency. Above, nobody gains by it, and reads that
 * come together pace the starts: without that pace a backlog's garbage outlives the young generation (peak 300 MiB instead of 185).
 */
const FEW_COMMITS_IN_FLIGHT = 32;

/**
 * How actors come into this host's memory: read from the store, known to be new, or begun by another actor of this host; and what has
 * waited for that.
 *
 * Owns: the loader. Calls in: stage.ts, admission.ts, nearby.ts, timekeeper.ts. Calls out: the store, the performer.
 * E1. Deliveries for an actor that is being read wait in order; its start goes before events that came with it.
 * E2. Every start that comes with a slot hands it on to the performer, or gives it back.
 */
export class Entrance {
  readonly #parts: EntranceParts;
  readonly #loader: Loader;

  constructor(parts: EntranceParts) {
    this.#parts = parts;
    this.#loader = new Loader(
      parts.store,
      (activation, bytes) => this.#loaded(activation, bytes),
      (activation, error) => parts.lost(activation.session, unreadable(activation, error)),
    );
  }

  get #performer(): Performer {
    return this.#parts.performer();
  }

  /** An actor that has to be loaded finds the timer overdue as it recovers. */
  due(session: Session, address: Address, timer: string, generation: number): void {
    const definition = this.#parts.definitions.get(address.type);
    if (definition === undefined) return;
    const known = this.#parts.cast.find(formatAddress(address));
    const activation = known ?? this.#enter(session, definition, address);
    if (known === undefined) this.#loader.load(activation);
    if (activation.phase === "ready") this.#performer.recovery.ring(activation, timer, generation);
  }

  /** Somebody speaks of an actor that this host has not read yet; what was open of it is taken up. Its start may wait for a slot for long. */
  wake(session: Session, address: Address): void {
    const definition = this.#parts.definitions.get(address.type);
    if (definition === undefined || !session.accepts || this.#parts.cast.peek(formatAddress(address)) !== undefined) return;
    this.#loader.load(this.#enter(session, definition, address));
  }

  #enter(session: Session, definition: Definition, address: Address): Activation {
    const activation = new Activation(address, definition, session);
    this.#parts.cast.add(activation);
    return activation;
  }

  /** The child of an actor in this host, where it certainly is the first of its address. */
  conceive(session: Session, address: Address): Activation | undefined {
    const definition = this.#parts.definitions.get(address.type);
    const key = formatAddress(address);
    if (definition === undefined || !this.#parts.admission.isOpen || this.#parts.cast.peek(key) !== undefined) return undefined;
    if (!this.#parts.known.begin(session, key)) return undefined;
    if (this.#parts.abilities.beginsWithSlot(address.type)) this.#parts.admission.takeSlot();
    const activation = this.#enter(session, definition, address);
    activation.phase = "ready";
    return activation;
  }

  /** A delivery whose turn it is; a start has its slot by now, where it needs one. */
  receive(session: Session, hold: Hold): void {
    const definition = this.#parts.definitions.get(hold.delivery.type);
    if (definition === undefined) this.#refuse(session, hold, unknownType(hold.delivery));
    else this.hand(session, definition, hold);
  }

  /** A delivery for an actor that is in memory, or will be. */
  hand(session: Session, definition: Definition, hold: Hold): void {
    const { type, id } = hold.delivery;
    let activation = this.#parts.cast.find(`${type}/${id}`);
    if (activation === undefined) {
      activation = this.#enter(session, definition, { type, id });
      if (
        hold.delivery.lane !== "event" &&
        this.#parts.committer.inFlight < FEW_COMMITS_IN_FLIGHT &&
        this.#parts.known.begin(session, activation.key)
      ) {
        activation.phase = "ready";
        activation.waiting = [hold];
        this.#open(activation);
        return;
      }
      this.#loader.load(activation);
    }
    if (activation.phase === "loading") activation.waiting = [...activation.waiting, hold];
    else this.#performer.perform(activation, hold);
  }

  #loaded(activation: Activation, bytes: Uint8Array | undefined): void {
    // Where nothing begins any more it stays as it was delivered.
    if (activation.phase !== "loading" || !activation.session.begins) return;
    activation.phase = "ready";
    try {
      if (bytes !== undefined) {
        activation.recordBytes = bytes.length;
        this.#performer.misfits.admit(activation, asRecord(decodeRecord(bytes)));
      }
    } catch (error) {
      this.#unreadable(activation, error);
      return;
    }
    if (bytes !== undefined) this.#parts.known.found(activation.session, activation.key);
    else if (activation.waiting.some(isStart)) this.#parts.known.note(activation.session, activation.key);
    this.#open(activation);
  }

  /** What has waited for the actor to be loaded, or to be known as new. */
  #open(activation: Activation): void {
    const holds = activation.waiting;
    activation.waiting = NOTHING;
    const starts = holds.filter(isStart);
    const events = holds.filter((hold) => !isStart(hold));
    if (activation.actor === undefined && starts.length === 0) {
      this.#parts.cast.drop(activation);
      if (events.length > 0) void this.#parts.early.wait(activation.session, activation.address, events);
      return;
    }
    this.#performer.recovery.recover(activation);
    const early = this.#parts.early.take(activation.key);
    for (const hold of [...starts, ...early, ...events]) {
      // A start that could not be decoded leaves no actor behind; the next delivery looks again.
      if (this.#parts.cast.find(activation.key) === activation)
        this.#performer.perform(activation, hold, early.length + events.length > 0 ? "events" : "none");
      else this.hand(activation.session, activation.definition, hold);
    }
    this.#parts.cast.settle(activation);
  }

  /** A record that this version cannot read is left as it is: it waits for a definition that can. */
  #unreadable(activation: Activation, error: unknown): void {
    this.#parts.log.error(
      { actor: activation.key, err: error },
      "the stored record cannot be read by this definition; its mail becomes dead letters",
    );
    const holds = activation.waiting;
    activation.waiting = NOTHING;
    this.#parts.cast.drop(activation);
    for (const hold of holds) this.#refuse(activation.session, hold, error);
  }

  /** No actor comes of it. */
  #refuse(session: Session, hold: Hold, error: unknown): void {
    if (this.#parts.abilities.needsSlot(hold.delivery)) this.#parts.admission.slotFreed();
    this.#parts.deadLetters.keep(session, hold, error);
  }
}

function isStart({ delivery }: Hold): boolean {
  return delivery.lane !== "event";
}

function unreadable({ key }: Activation, cause: Error): TroupeError {
  return new TroupeError("commit_unknown", `The record of ${key} could not be read: ${cause.message}`, { about: key, cause });
}
