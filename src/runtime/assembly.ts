import { encodeJson } from "../core/codec.ts";
import { Abilities } from "./abilities.ts";
import { Admission } from "./admission.ts";
import { Cast } from "./cast.ts";
import { Committer } from "./committer.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Early } from "./early.ts";
import { Entrance } from "./entrance.ts";
import { Gates } from "./gates.ts";
import { KnownIds } from "./known-ids.ts";
import { Nearby } from "./nearby.ts";
import { Performer } from "./performer.ts";
import { settle, type SettlementParts } from "./settlement.ts";
import { Sharing } from "./sharing.ts";
import type { StageParts } from "./stage-parts.ts";
import { Timekeeper } from "./timekeeper.ts";
import { Turnover } from "./turnover.ts";
import type { VacatingParts } from "./vacating.ts";

/**
 * Commits that may be unanswered before no further start is admitted. The server is busy long before it has so many; more would only
 * wait there, and what waits for longer than the garbage collector's young generation lasts costs twice.
 */
const MOST_COMMITS_IN_FLIGHT = 512;

/**
 * What a stage is made of: each part is told here how it reaches the others, which it does not know.
 *
 * Owns: the parts. Calls in: stage.ts. Calls out: nothing by itself; what one part asks of another goes straight there.
 * B1. No part calls another while they are being made: whichever comes first may rely on those that come after it.
 */
export class Assembly {
  readonly #parts: StageParts;
  readonly #settlement: SettlementParts;
  readonly abilities: Abilities;
  readonly turnover: Turnover;
  readonly sharing: Sharing;
  readonly admission: Admission;
  readonly cast: Cast;
  readonly known: KnownIds;
  readonly early: Early;
  readonly timekeeper: Timekeeper;
  readonly nearby: Nearby;
  readonly committer: Committer;
  readonly gates: Gates;
  readonly deadLetters: DeadLetters;
  readonly entrance: Entrance;
  readonly performer: Performer;
  readonly vacating: VacatingParts;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.abilities = new Abilities(parts.definitions, parts.labels);
    this.turnover = new Turnover(parts.clock);
    this.sharing = this.#newSharing();
    this.admission = this.#newAdmission();
    this.cast = new Cast(parts.cacheBytes);
    this.known = new KnownIds({ ...parts, ...parts.knownIds, inMemory: (session) => this.cast.of(session).map(({ key }) => key) });
    this.early = this.#newEarly();
    this.timekeeper = new Timekeeper({ ...parts, due: (session, address, ...timer) => this.entrance.due(session, address, ...timer) });
    this.nearby = this.#newNearby();
    this.committer = this.#newCommitter();
    this.gates = new Gates({ ...parts, committer: this.committer });
    this.deadLetters = this.#newDeadLetters();
    this.entrance = this.#newEntrance();
    this.performer = this.#newPerformer();
    this.vacating = this.#newVacating();
    this.#settlement = this.#newSettlement();
  }

  #newEarly(): Early {
    return new Early({
      ...this.#parts,
      isLoaded: (key) => this.cast.find(key) !== undefined,
      hand: (session, definition, hold) => this.entrance.hand(session, definition, hold),
      dead: (session, hold, error) => this.deadLetters.keep(session, hold, error),
    });
  }

  #newCommitter(): Committer {
    return new Committer({
      ...this.#parts,
      closing: () => this.nearby.close(),
      settled: (parcels, outcome) => {
        settle(this.#settlement, parcels, outcome);
        this.admission.schedule();
      },
    });
  }

  #newDeadLetters(): DeadLetters {
    return new DeadLetters({
      ...this.#parts,
      committer: this.committer,
      outcomes: () => this.performer.outcomes,
      recordOf: (key) => this.cast.find(key)?.actor?.record,
      startFailed: (session, address) => this.early.look(session, address),
    });
  }

  #newEntrance(): Entrance {
    const { abilities, cast, known, early, admission, committer, deadLetters } = this;
    const before = { abilities, cast, known, early, admission, committer, deadLetters };
    return new Entrance({ ...this.#parts, ...before, performer: () => this.performer });
  }

  #newVacating(): VacatingParts {
    return {
      clock: this.#parts.clock,
      of: (session) => this.cast.of(session),
      abort: (activation, why) => this.performer.abort(activation, why),
      hasLoose: (session) => this.committer.hasLoose || this.gates.hasUnsettled(session),
      hush: (session) => this.timekeeper.forget(session),
    };
  }

  #newSettlement(): SettlementParts {
    return {
      ...this.#parts,
      release: this.performer.release,
      abort: (activation, why) => this.performer.abort(activation, why),
      drop: (activation) => this.cast.drop(activation),
      dead: (session, hold, error, stored) => this.deadLetters.keep(session, hold, error, stored),
    };
  }

  #newPerformer(): Performer {
    return new Performer({
      ...this.#parts,
      committer: this.committer,
      timekeeper: this.timekeeper,
      nearby: this.nearby,
      offers: this.sharing.offers,
      abilities: this.abilities,
      gates: this.gates,
      turnover: this.turnover,
      isOver: () => this.admission.isOver,
      dead: (session, hold, error) => this.deadLetters.keep(session, hold, error),
      slotFreed: () => this.admission.slotFreed(),
      ready: (activation) => this.admission.ready(activation),
      wantsSlot: (activation, attempt) => this.admission.attempt(activation, attempt),
      retire: (activation) => this.cast.settle(activation),
    });
  }

  #newAdmission(): Admission {
    return new Admission({
      ...this.#parts,
      abilities: this.abilities,
      offers: this.sharing.offers,
      taker: this.sharing.taker,
      turnover: this.turnover,
      changed: () => this.sharing.board.changed(),
      isPressed: () => this.committer.inFlight >= MOST_COMMITS_IN_FLIGHT,
      open: (session, hold) => this.entrance.receive(session, hold),
      begin: (activation) => this.performer.begin(activation),
      grant: (activation, attempt) => this.performer.grant(activation, attempt),
      first: () => this.nearby.hand(),
    });
  }

  #newSharing(): Sharing {
    const turns = () => this.performer.offerTurns;
    return new Sharing({
      ...this.#parts,
      abilities: this.abilities,
      turnover: this.turnover,
      free: () => this.admission.free,
      isOver: () => this.admission.isOver,
      takeSlot: () => this.admission.takeSlot(),
      slotFreed: () => this.admission.slotFreed(),
      woken: () => this.admission.schedule(),
      find: (key) => this.cast.peek(key),
      wake: (session, address) => this.entrance.wake(session, address),
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
      find: (key) => this.cast.find(key),
      conceive: (session, mail) => this.entrance.conceive(session, mail.to),
      hasSlot: () => this.admission.hasSlot,
      hasRoom: (activation) => this.performer.hasRoom(activation),
      perform: (activation, hold) => this.performer.perform(activation, hold),
      retire: (activation) => this.cast.settle(activation),
    });
  }
}
