import { formatAddress, isTooLong, type Address, type StartLane } from "../core/address.ts";
import { asRecord } from "../core/record.ts";
import { decodeRecord } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Delivery, Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { CommitOutcome, Store } from "../ports/store.ts";
import { Admission, type Reading } from "./admission.ts";
import { Activation, NOTHING } from "./activation.ts";
import { Cast } from "./cast.ts";
import { Committer } from "./committer.ts";
import { type Parcel } from "./parcel.ts";
import { DeadLetters } from "./dead-letters.ts";
import { tooLong } from "./decode.ts";
import { Early } from "./early.ts";
import { Hold } from "./hold.ts";
import { partnersOf } from "./joint.ts";
import { KnownIds, type KnownIdsOptions } from "./known-ids.ts";
import { Loader } from "./loader.ts";
import { Nearby } from "./nearby.ts";
import { Performer } from "./performer.ts";
import type { Session } from "./session.ts";
import { lostWith, settle, type SettlementParts } from "./settlement.ts";
import { Timekeeper } from "./timekeeper.ts";

export interface StageParts {
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** How many partitions there are: mail goes to that of its target. */
  readonly partitions: number;
  readonly concurrency: number;
  readonly cacheBytes: number;
  readonly knownIds: KnownIdsOptions;
  /** Whether nobody else can have taken a partition of this host's. */
  readonly isTrusted: () => boolean;
  /** The session can no longer be trusted: its partition must be claimed again or given up. */
  readonly lost: (session: Session, why: TroupeError) => void;
  /** Whether actors of this host hear each other without the mail being stored first. */
  readonly nearMail: boolean;
  readonly sessionOf: (partition: number) => Session | undefined;
  /** Something finished: inlets that stopped may want more. */
  readonly relieved: () => void;
}

/**
 * Commits that may be unanswered before no further start is admitted. The server is busy long before it has so many; more would only
 * wait there, and what waits for longer than the garbage collector's young generation lasts costs twice.
 */
const MOST_COMMITS_IN_FLIGHT = 512;

/**
 * Below so many, a start that is known to be new begins at once, which saves a read's latency. Above, nobody gains by it, and reads that
 * come together pace the starts: without that pace a backlog's garbage outlives the young generation (peak 300 MiB instead of 185).
 */
const FEW_COMMITS_IN_FLIGHT = 32;

/**
 * Where a host's actors are: from a delivery to a settled commit.
 *
 *   receive → (starts: wait for a slot) → activate → decode → turn → commit → release → acknowledge
 *
 * Owns: the activations, the starts that wait, the slots. Does not own partitions (scheduler.ts) or turns (performer.ts).
 * Calls in: the partitions' inlets. Calls out: loader, performer, committer.
 * S1. A delivery is acknowledged only by its hold (invariant 5).
 * S2. Events of one actor are turned in the order of their source; a start goes before events that came with it.
 * S3. Nothing waits on a poisoned message: what cannot be decoded, validated or routed becomes a dead letter (invariant 9).
 */
export class Stage {
  readonly #parts: StageParts;
  readonly #cast: Cast;
  readonly #admission: Admission;
  readonly #early: Early;
  readonly #timekeeper: Timekeeper;
  readonly #nearby: Nearby;
  readonly committer: Committer;
  readonly #loader: Loader;
  readonly #known: KnownIds;
  readonly #deadLetters: DeadLetters;
  readonly #performer: Performer;
  readonly #settlement: SettlementParts;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#admission = new Admission({
      ...parts,
      isPressed: () => this.committer.inFlight >= MOST_COMMITS_IN_FLIGHT,
      open: (session, hold) => this.#openStart(session, hold),
      begin: (activation) => this.#performer.begin(activation),
      grant: (activation, attempt) => this.#performer.grant(activation, attempt),
      first: () => this.#nearby.hand(),
    });
    this.#cast = new Cast(parts.cacheBytes);
    this.#known = new KnownIds({ ...parts, ...parts.knownIds, inMemory: (session) => this.#cast.of(session).map(({ key }) => key) });
    this.#early = new Early({
      ...parts,
      isLoaded: (key) => this.#cast.find(key) !== undefined,
      hand: (session, definition, hold) => this.#hand(session, definition, hold),
      dead: (session, hold, error) => this.#deadLetters.keep(session, hold, error),
    });
    this.#timekeeper = new Timekeeper({ ...parts, due: (session, address, ...timer) => this.#due(session, address, ...timer) });
    this.#nearby = this.#newNearby();
    this.committer = new Committer({
      ...parts,
      closing: () => this.#nearby.close(),
      settled: (parcels, outcome) => this.#settled(parcels, outcome),
    });
    this.#deadLetters = new DeadLetters({
      ...parts,
      committer: this.committer,
      outcomes: () => this.#performer.outcomes,
      recordOf: (key) => this.#cast.find(key)?.actor?.record,
      startFailed: (session, address) => this.#early.look(session, address),
    });
    this.#loader = new Loader(
      parts.store,
      (activation, bytes) => this.#loaded(activation, bytes),
      (activation, error) => parts.lost(activation.session, unreadable(activation, error)),
    );
    this.#performer = new Performer({
      ...parts,
      committer: this.committer,
      timekeeper: this.#timekeeper,
      nearby: this.#nearby,
      dead: (session, hold, error) => this.#deadLetters.keep(session, hold, error),
      slotFreed: () => this.#admission.slotFreed(),
      ready: (activation) =>
        this.#admission.wait({ kind: "ready", activation, lane: "normal", void: () => activation.phase === "dropped" }),
      wantsSlot: (activation, attempt) =>
        this.#admission.wait({ kind: "attempt", activation, attempt, lane: "high", void: () => attempt.phase !== "prepared" }),
      retire: (activation) => this.#cast.settle(activation),
    });
    this.#settlement = {
      ...parts,
      release: this.#performer.release,
      abort: (activation, why) => this.#performer.abort(activation, why),
      drop: (activation) => this.#cast.drop(activation),
      dead: (session, hold, error, stored) => this.#deadLetters.keep(session, hold, error, stored),
    };
  }

  #newNearby(): Nearby {
    return new Nearby({
      ...this.#parts,
      maxWrites: this.#parts.store.maxWrites,
      find: (key) => this.#cast.find(key),
      conceive: (session, mail) => this.#conceive(session, mail.to),
      hasSlot: () => this.#admission.hasSlot,
      hasRoom: (activation) => this.#performer.hasRoom(activation),
      perform: (activation, hold) => this.#performer.perform(activation, hold),
      retire: (activation) => this.#cast.settle(activation),
    });
  }

  get running(): number {
    return this.#admission.running;
  }

  /** Tasks whose end was stored by this host. */
  get finished(): number {
    return this.#performer.release.finished;
  }

  waitingIn(lane: StartLane): number {
    return this.#admission.waitingIn(lane);
  }

  /** A delivery of an open session. */
  receive(session: Session, delivery: Delivery, reading: Reading): void {
    if (!session.open) return;
    const hold = new Hold(delivery);
    if (isTooLong(delivery)) this.#deadLetters.keep(session, hold, tooLong(delivery));
    else if (delivery.lane === "event" || !this.#needsSlot(delivery)) this.#event(session, hold);
    else this.#admission.start(session, hold, reading);
  }

  /** Starts nothing more; what runs goes on. */
  stopAdmitting(): void {
    this.#admission.close();
  }

  /** Resolves once no attempt runs and everything is stored. */
  async drained(): Promise<void> {
    await this.#performer.idle();
    await this.committer.drained();
  }

  /** Forgets everything of a session: another host, or a later session, starts from what was committed. */
  drop(session: Session, why: TroupeError): void {
    session.open = false;
    const partners = this.#cast.of(session).flatMap(partnersOf);
    for (const activation of this.#cast.of(session)) {
      for (const { delivery } of activation.waiting) if (this.#needsSlot(delivery)) this.#admission.slotFreed();
      this.#performer.abort(activation, why);
      this.#cast.drop(activation);
    }
    this.#early.forget(session.partition);
    this.#known.forget(session);
    this.#timekeeper.forget(session);
    this.#admission.schedule();
    for (const partner of partners)
      if (partner.session.open) this.#parts.lost(partner.session, lostWith(partner.session, [session.partition]));
  }

  /** Perhaps the partition is another host's: what follows from its being ours is not relied on. */
  doubt(session: Session): void {
    this.#known.forget(session);
  }

  /** Takes a slot already; it is given back by the performer, or here where no actor comes of it. */
  #openStart(session: Session, hold: Hold): void {
    const { delivery } = hold;
    const definition = this.#parts.definitions.get(delivery.type);
    if (definition === undefined) {
      this.#admission.slotFreed();
      this.#deadLetters.keep(session, hold, unknownType(delivery));
      return;
    }
    this.#hand(session, definition, hold);
  }

  /** A task works; an actor only begins to hear. What it works at waits for slots of its own. */
  #needsSlot({ lane, type }: Delivery): boolean {
    return lane !== "event" && this.#parts.definitions.get(type)?.kind !== "actor";
  }

  #event(session: Session, hold: Hold): void {
    const definition = this.#parts.definitions.get(hold.delivery.type);
    if (definition === undefined) this.#deadLetters.keep(session, hold, unknownType(hold.delivery));
    else this.#hand(session, definition, hold);
  }

  /** An actor that has to be loaded finds the timer overdue as it recovers. */
  #due(session: Session, address: Address, timer: string, generation: number): void {
    const definition = this.#parts.definitions.get(address.type);
    if (definition === undefined) return;
    const known = this.#cast.find(formatAddress(address));
    const activation = known ?? this.#enter(session, definition, address);
    if (known === undefined) this.#loader.load(activation);
    if (activation.phase === "ready") this.#performer.ring(activation, timer, generation);
  }

  #enter(session: Session, definition: Definition, address: Address): Activation {
    const activation = new Activation(address, definition, session);
    this.#cast.add(activation);
    return activation;
  }

  /** The child of an actor in this host, where it certainly is the first of its address. */
  #conceive(session: Session, address: Address): Activation | undefined {
    const definition = this.#parts.definitions.get(address.type);
    const key = formatAddress(address);
    if (definition === undefined || !this.#admission.isOpen || this.#cast.peek(key) !== undefined) return undefined;
    const needsSlot = definition.kind !== "actor";
    if (!this.#known.begin(session, key)) return undefined;
    if (needsSlot) this.#admission.takeSlot();
    const activation = this.#enter(session, definition, address);
    activation.phase = "ready";
    return activation;
  }

  #hand(session: Session, definition: Definition, hold: Hold): void {
    const { type, id } = hold.delivery;
    let activation = this.#cast.find(`${type}/${id}`);
    if (activation === undefined) {
      activation = this.#enter(session, definition, { type, id });
      if (hold.delivery.lane !== "event" && this.committer.inFlight < FEW_COMMITS_IN_FLIGHT && this.#known.begin(session, activation.key)) {
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
    if (activation.phase !== "loading") return;
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
    if (bytes !== undefined) this.#known.found(activation.session, activation.key);
    else if (activation.waiting.some(isStart)) this.#known.note(activation.session, activation.key);
    this.#open(activation);
  }

  /** What has waited for the actor to be loaded, or to be known as new. */
  #open(activation: Activation): void {
    const holds = activation.waiting;
    activation.waiting = NOTHING;
    const starts = holds.filter(isStart);
    const events = holds.filter((hold) => !isStart(hold));
    if (activation.actor === undefined && starts.length === 0) {
      this.#cast.drop(activation);
      if (events.length > 0) void this.#early.wait(activation.session, activation.address, events);
      return;
    }
    this.#performer.recover(activation);
    const early = this.#early.take(activation.key);
    for (const hold of [...starts, ...early, ...events]) {
      // A start that could not be decoded leaves no actor behind; the next delivery looks again.
      if (this.#cast.find(activation.key) === activation)
        this.#performer.perform(activation, hold, early.length + events.length > 0 ? "events" : "none");
      else this.#hand(activation.session, activation.definition, hold);
    }
    this.#cast.settle(activation);
  }

  /** A record that this version cannot read is left as it is: it waits for a definition that can. */
  #unreadable(activation: Activation, error: unknown): void {
    this.#parts.log.error(
      { actor: activation.key, err: error },
      "the stored record cannot be read by this definition; its mail becomes dead letters",
    );
    const holds = activation.waiting;
    activation.waiting = NOTHING;
    this.#cast.drop(activation);
    for (const hold of holds) {
      if (this.#needsSlot(hold.delivery)) this.#admission.slotFreed();
      this.#deadLetters.keep(activation.session, hold, error);
    }
  }

  #settled(parcels: readonly Parcel[], outcome: CommitOutcome): void {
    settle(this.#settlement, parcels, outcome);
    this.#admission.schedule();
  }
}

function isStart({ delivery }: Hold): boolean {
  return delivery.lane !== "event";
}

function unknownType(delivery: Delivery): TroupeError {
  return new TroupeError("unknown_type", `No actor type "${delivery.type}" is registered`, { about: formatAddress(delivery) });
}

function unreadable({ key }: Activation, cause: Error): TroupeError {
  return new TroupeError("commit_unknown", `The record of ${key} could not be read: ${cause.message}`, { about: key, cause });
}
