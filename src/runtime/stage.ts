import { isTooLong, type StartLane } from "../core/address.ts";
import { encodeJson } from "../core/codec.ts";
import type { TroupeError } from "../core/errors.ts";
import type { Delivery, Source } from "../ports/mailbox.ts";
import type { CommitOutcome } from "../ports/store.ts";
import type { Listening } from "../ports/work.ts";
import { Abilities } from "./abilities.ts";
import { Admission, type Reading } from "./admission.ts";
import type { Activation } from "./activation.ts";
import { Cast } from "./cast.ts";
import { Committer } from "./committer.ts";
import { DeadLetters } from "./dead-letters.ts";
import { tooLong, unknownType } from "./decode.ts";
import { Early } from "./early.ts";
import { Entrance } from "./entrance.ts";
import type { Noted } from "./floor.ts";
import { Gates } from "./gates.ts";
import { Hold } from "./hold.ts";
import { partnersOf } from "./joint.ts";
import { KnownIds } from "./known-ids.ts";
import { Nearby } from "./nearby.ts";
import type { Parcel } from "./parcel.ts";
import { Performer } from "./performer.ts";
import { relieve } from "./relief.ts";
import type { Session } from "./session.ts";
import { lostWith, settle, type SettlementParts } from "./settlement.ts";
import { Sharing } from "./sharing.ts";
import type { StageParts } from "./stage-parts.ts";
import { Timekeeper } from "./timekeeper.ts";
import { Turnover } from "./turnover.ts";
import { isBound, vacate, type Farewell, type Rest, type VacatingParts } from "./vacating.ts";

/**
 * Commits that may be unanswered before no further start is admitted. The server is busy long before it has so many; more would only
 * wait there, and what waits for longer than the garbage collector's young generation lasts costs twice.
 */
const MOST_COMMITS_IN_FLIGHT = 512;

/**
 * Where a host's actors are: from a delivery to a settled commit.
 *
 *   receive → (starts: wait for a slot) → activate → decode → turn → commit → release → acknowledge
 *
 * Owns: the actors in memory, the starts that wait, the slots. Does not own partitions (partition.ts) or turns (performer.ts).
 * Calls in: the partitions' inlets. Calls out: entrance, performer, committer.
 * S1. A delivery is acknowledged only by its hold (invariant 5).
 * S2. Events of one actor are turned in the order of their source; a start goes before events that came with it.
 * S3. Nothing waits on a poisoned message: what cannot be decoded, validated or routed becomes a dead letter (invariant 9).
 */
export class Stage {
  readonly #parts: StageParts;
  readonly #cast: Cast;
  readonly #abilities: Abilities;
  readonly #admission: Admission;
  readonly #turnover: Turnover;
  readonly sharing: Sharing;
  readonly #early: Early;
  readonly #timekeeper: Timekeeper;
  readonly #nearby: Nearby;
  readonly committer: Committer;
  readonly #entrance: Entrance;
  readonly #known: KnownIds;
  readonly #gates: Gates;
  readonly #deadLetters: DeadLetters;
  readonly #performer: Performer;
  readonly #settlement: SettlementParts;
  readonly #vacating: VacatingParts;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#abilities = new Abilities(parts.definitions, parts.labels);
    const abilities = this.#abilities;
    this.#turnover = new Turnover(parts.clock);
    this.sharing = this.#newSharing();
    this.#admission = this.#newAdmission();
    this.#cast = new Cast(parts.cacheBytes);
    this.#known = new KnownIds({ ...parts, ...parts.knownIds, inMemory: (session) => this.#cast.of(session).map(({ key }) => key) });
    this.#early = new Early({
      ...parts,
      isLoaded: (key) => this.#cast.find(key) !== undefined,
      hand: (session, definition, hold) => this.#entrance.hand(session, definition, hold),
      dead: (session, hold, error) => this.#deadLetters.keep(session, hold, error),
    });
    this.#timekeeper = new Timekeeper({ ...parts, due: (session, address, ...timer) => this.#entrance.due(session, address, ...timer) });
    this.#nearby = this.#newNearby();
    this.committer = new Committer({
      ...parts,
      closing: () => this.#nearby.close(),
      settled: (parcels, outcome) => this.#settled(parcels, outcome),
    });
    this.#gates = new Gates({ ...parts, committer: this.committer });
    this.#deadLetters = new DeadLetters({
      ...parts,
      committer: this.committer,
      outcomes: () => this.#performer.outcomes,
      recordOf: (key) => this.#cast.find(key)?.actor?.record,
      startFailed: (session, address) => this.#early.look(session, address),
    });
    this.#entrance = new Entrance({
      ...parts,
      abilities,
      cast: this.#cast,
      known: this.#known,
      early: this.#early,
      admission: this.#admission,
      committer: this.committer,
      deadLetters: this.#deadLetters,
      performer: () => this.#performer,
    });
    this.#performer = this.#newPerformer();
    this.#vacating = {
      clock: parts.clock,
      of: (session) => this.#cast.of(session),
      abort: (activation, why) => this.#performer.abort(activation, why),
      hasLoose: (session) => this.committer.hasLoose || this.#gates.hasUnsettled(session),
      hush: (session) => this.#timekeeper.forget(session),
    };
    this.#settlement = {
      ...parts,
      release: this.#performer.release,
      abort: (activation, why) => this.#performer.abort(activation, why),
      drop: (activation) => this.#cast.drop(activation),
      dead: (session, hold, error, stored) => this.#deadLetters.keep(session, hold, error, stored),
    };
  }

  #newPerformer(): Performer {
    return new Performer({
      ...this.#parts,
      committer: this.committer,
      timekeeper: this.#timekeeper,
      nearby: this.#nearby,
      offers: this.sharing.offers,
      abilities: this.#abilities,
      gates: this.#gates,
      turnover: this.#turnover,
      isOver: () => this.#admission.isOver,
      dead: (session, hold, error) => this.#deadLetters.keep(session, hold, error),
      slotFreed: () => this.#admission.slotFreed(),
      ready: (activation) => this.#ready(activation),
      wantsSlot: (activation, attempt) =>
        this.#admission.wait({ kind: "attempt", activation, attempt, lane: "high", void: () => attempt.phase !== "prepared" }),
      retire: (activation) => this.#cast.settle(activation),
    });
  }

  #newAdmission(): Admission {
    return new Admission({
      ...this.#parts,
      offers: this.sharing.offers,
      taker: this.sharing.taker,
      turnover: this.#turnover,
      changed: () => this.sharing.board.changed(),
      isPressed: () => this.committer.inFlight >= MOST_COMMITS_IN_FLIGHT,
      open: (session, hold) => this.#openStart(session, hold),
      begin: (activation) => this.#performer.begin(activation),
      grant: (activation, attempt) => this.#performer.grant(activation, attempt),
      first: () => this.#nearby.hand(),
    });
  }

  #newSharing(): Sharing {
    const turns = () => this.#performer.offerTurns;
    return new Sharing({
      ...this.#parts,
      abilities: this.#abilities,
      turnover: this.#turnover,
      free: () => this.#admission.free,
      isOver: () => this.#admission.isOver,
      takeSlot: () => this.#admission.takeSlot(),
      slotFreed: () => this.#admission.slotFreed(),
      woken: () => this.#admission.schedule(),
      find: (key) => this.#cast.peek(key),
      wake: (session, address) => this.#entrance.wake(session, address),
      ended: (attempt, end) => turns().ended(attempt, end),
      expired: (attempt) => turns().expired(attempt),
      grant: (attempt, worker) => turns().grant(attempt, worker),
      gaveUp: (attempt) => turns().gaveUp(attempt),
      givenBack: (attempt) => turns().givenBack(attempt),
      progress: (actor, value) => this.#parts.outlet.event(actor, "progress", encodeJson(value)),
    });
  }

  #newNearby(): Nearby {
    return new Nearby({
      ...this.#parts,
      maxWrites: this.#parts.store.maxWrites,
      find: (key) => this.#cast.find(key),
      conceive: (session, mail) => this.#entrance.conceive(session, mail.to),
      hasSlot: () => this.#admission.hasSlot,
      hasRoom: (activation) => this.#performer.hasRoom(activation),
      perform: (activation, hold) => this.#performer.perform(activation, hold),
      retire: (activation) => this.#cast.settle(activation),
    });
  }

  /** What a partition needs beside its sources: whoever works for its actors is heard, and its gates are open. */
  attend(session: Session): Listening {
    const attended = [this.sharing.attend(session), this.#gates.attend(session)];
    return { close: () => attended.forEach((each) => each.close()) };
  }

  get running(): number {
    return this.#admission.running;
  }

  /** Tasks whose end was stored by this host. */
  get finished(): number {
    return this.#performer.release.finished;
  }

  get gates(): Gates["counts"] {
    return this.#gates.counts;
  }

  waitingIn(lane: StartLane): number {
    return this.#admission.waitingIn(lane);
  }

  #ready(activation: Activation): void {
    // It needs no slot here, but waits all the same where nothing is begun any more.
    const lane = activation.actor?.record.permit?.lane ?? "normal";
    if (this.#abilities.canRun(activation.address.type) || !this.#admission.isOpen)
      this.#admission.wait({ kind: "ready", activation, lane, void: () => activation.phase === "dropped" || !activation.session.begins });
    else queueMicrotask(() => this.#performer.begin(activation));
  }

  /** A delivery of an open session. */
  receive(session: Session, delivery: Delivery, reading: Reading): void {
    if (!session.accepts) return;
    const hold = new Hold(delivery);
    if (isTooLong(delivery)) this.#deadLetters.keep(session, hold, tooLong(delivery));
    else if (delivery.lane === "event" || !this.#abilities.needsSlot(delivery)) this.#event(session, hold);
    else this.#admission.start(session, hold, reading);
  }

  /** Whether all of them are acknowledged soon, although what they wait for goes on. */
  relieve(session: Session, source: Source, stuck: readonly Noted[]): boolean {
    const { committer } = this;
    return relieve({ committer, maxWrites: this.#parts.store.maxWrites, find: (key) => this.#cast.peek(key) }, session, source, stuck);
  }

  /** Starts nothing more; what runs goes on. */
  stopAdmitting(): void {
    this.#admission.close();
    this.sharing.drain();
  }

  /** From now on nothing more is heard in the session. Resolves once nothing of it is under way. */
  vacate(session: Session, farewell: Farewell): Promise<Rest> {
    session.phase = "leaving";
    return vacate(session, farewell, this.#vacating);
  }

  /** Partitions in which something runs that may not run twice. */
  get bound(): ReadonlySet<number> {
    const found = new Set<number>();
    for (const activation of this.#cast.all) if (isBound(activation)) found.add(activation.session.partition);
    return found;
  }

  /** Forgets everything of a session: another host, or a later session, starts from what was committed. */
  drop(session: Session, why: TroupeError): void {
    session.phase = "ended";
    const partners = this.#cast.of(session).flatMap(partnersOf);
    for (const activation of this.#cast.of(session)) {
      for (const { delivery } of activation.waiting) if (this.#abilities.needsSlot(delivery)) this.#admission.slotFreed();
      this.#performer.abort(activation, why);
      activation.pending?.permit?.back();
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
    this.#entrance.hand(session, definition, hold);
  }

  #event(session: Session, hold: Hold): void {
    const definition = this.#parts.definitions.get(hold.delivery.type);
    if (definition === undefined) this.#deadLetters.keep(session, hold, unknownType(hold.delivery));
    else this.#entrance.hand(session, definition, hold);
  }

  #settled(parcels: readonly Parcel[], outcome: CommitOutcome): void {
    settle(this.#settlement, parcels, outcome);
    this.#admission.schedule();
  }
}
