import { formatAddress, type Address, type StartLane } from "../core/address.ts";
import { decodeRecord, encodeValue } from "../core/codec.ts";
import type { Activity, Definition } from "../core/definition.ts";
import { HEADERS } from "../core/envelope.ts";
import { toErrorRecord, TroupeError } from "../core/errors.ts";
import { attemptOf, isLate } from "../core/lifecycle.ts";
import { activityUnder, offered } from "../core/offer.ts";
import { asRecord, type ActivityRecord, type ActorRecord } from "../core/record.ts";
import type { OwnerWord } from "../core/worker-talk.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store, Write } from "../ports/store.ts";
import type { Work, WorkerCall } from "../ports/work.ts";
import { labelsOf, type Abilities } from "./abilities.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import { OfferedAttempt, type OfferStage, type Worker } from "./offered-attempt.ts";
import { Room } from "./room.ts";
import type { Session } from "./session.ts";
import type { SlotBoard } from "./slot-board.ts";
import { Untaken } from "./untaken.ts";

export interface OfferParts {
  readonly host: string;
  readonly store: Store;
  readonly work: Work;
  readonly clock: Clock;
  readonly log: Log;
  readonly abilities: Abilities;
  readonly board: SlotBoard;
  /** After so long without a word a worker is believed dead. */
  readonly silenceMs: number;
  /** More has been begun than there are slots. */
  readonly isOver: () => boolean;
  readonly find: (key: string) => Activation | undefined;
  /** Reads an actor that is not in memory. */
  readonly wake: (session: Session, address: Address) => void;
  readonly ended: (
    attempt: OfferedAttempt,
    end: { readonly kind: "done"; readonly output: unknown } | { readonly kind: "failed"; readonly error: unknown },
  ) => void;
  /** Stores who may begin; `granted` is called once it is. */
  readonly grant: (attempt: OfferedAttempt, worker: Worker) => void;
  /** Whoever had it does not go on: its crash policy decides. */
  readonly gaveUp: (attempt: OfferedAttempt) => void;
  readonly givenBack: (attempt: OfferedAttempt) => void;
  readonly progress: (actor: Address, value: unknown) => void;
}

/** A worker that has not been heard of for too long is looked for once more: this host may have stalled, and its word be waiting in the socket. */
const SECOND_LOOK_MS = 250;

/**
 * The owner's side of work that others run: offers it, says who may begin, and notices who is gone.
 *
 * Owns: the stage of every offered attempt of this host's actors. Calls in: obligations.ts (offer, stored, halted, left, taken up),
 * dispatch.ts (`granted`), the partitions (`heard`). Calls out: the work port, the performer.
 * F1. Nobody begins before the turn is stored that says who does, under the fence (invariants 3, 7).
 * F2. Two never run one attempt: who has begun it is told to stop before it is begun again, or is believed dead.
 * F3. What is said under a token that the record does not have is answered with `stop`.
 */
export class Offers {
  readonly #parts: OfferParts;
  readonly #room: Room;
  readonly untaken: Untaken;

  constructor(parts: OfferParts) {
    this.#parts = parts;
    this.#room = new Room(parts.store);
    this.untaken = new Untaken({ ...parts, expired: (attempt) => this.#expire(attempt) });
  }

  /** Whether other hosts are there that could take something. */
  get hasOthers(): boolean {
    return !this.#parts.board.isAlone;
  }

  /** Whether another host is believed to have a slot for it, beyond what is offered and the `promised` that will be. */
  mayOffer(definition: Definition | undefined, promised: number): boolean {
    const { board, abilities } = this.#parts;
    if (board.isAlone || !abilities.isShareable(definition)) return false;
    return board.freeFor(labelsOf(definition)) > this.untaken.spilled + promised;
  }

  /** The attempt of a `run` effect, with what its turn's commit has to hold. Undefined: it is for this host to run. */
  offer(
    activation: Activation,
    name: string,
    activity: Activity,
    holds: Hold[],
  ): { readonly attempt: OfferedAttempt; readonly write: Write | undefined } | undefined {
    const { definition, actor, address, session } = activation;
    const asked = actor?.record.activities[name];
    const isSpill = this.#parts.abilities.canRun(address.type);
    if (actor === undefined || asked === undefined) return undefined;
    if (isSpill && !(this.#parts.isOver() && this.mayOffer(definition, 0))) return undefined;
    const token = this.#parts.work.newToken();
    const lane = laneOf(holds);
    const labels = labelsOf(definition);
    const since = this.#parts.clock.now();
    const attempt = new OfferedAttempt({ activation, name, ...numbersOf(asked), token, lane, labels, since, isSpill, holds });
    const letter = this.#letter(attempt, activity, activity.input(actor.record.context, asked.input));
    if (letter.body.length > this.#room.messageBytes) {
      if (isSpill) return undefined;
      const about = activation.key;
      const error = new TroupeError("too_large", `The input of ${about} does not fit a message, and no other host can have it`, { about });
      queueMicrotask(() => this.#parts.ended(attempt, { kind: "failed", error: { ...toErrorRecord(error), retryable: false } }));
      return { attempt, write: undefined };
    }
    activation.actor = offered(actor, name, { phase: "open", token, since, lane, labels });
    this.untaken.add(attempt);
    return { attempt, write: { kind: "work", partition: session.partition, lane, address, letter } };
  }

  /** What the last owner had offered. */
  takeUp(activation: Activation, name: string, asked: ActivityRecord, holds: Hold[]): OfferedAttempt | undefined {
    const { offer } = asked;
    if (offer === undefined) return undefined;
    const { token, lane, labels, since } = offer;
    const isSpill = this.#parts.abilities.canRun(activation.address.type);
    const attempt = new OfferedAttempt({ activation, name, ...numbersOf(asked), token, lane, labels, since, isSpill, holds });
    if (offer.phase === "taken") this.#taken(attempt, offer);
    else {
      this.untaken.add(attempt);
      this.stored(attempt);
    }
    return attempt;
  }

  /** Its turn is stored: whoever can may take it. */
  stored(attempt: OfferedAttempt): void {
    const { stage } = attempt;
    if (stage.kind !== "storing") return;
    attempt.stage = { kind: "open" };
    if (stage.early === undefined) this.untaken.ring(attempt);
    else stage.early();
  }

  /** It is stored who may begin. */
  granted(attempt: OfferedAttempt): void {
    const { stage } = attempt;
    if (stage.kind !== "granting") return;
    this.#taken(attempt, stage.worker);
    stage.answer({ say: "go" });
  }

  /** Its machine has no more use for it. */
  halt(attempt: OfferedAttempt, reason: TroupeError): void {
    if (attempt.stage.kind === "open") this.withdraw(attempt);
    this.#stop(attempt, reason);
    this.leave(attempt);
  }

  /** Nobody is to take it any more. */
  withdraw({ lane, activation }: OfferedAttempt): void {
    this.#parts.work.withdraw(lane, activation.address);
  }

  /** Another session, or another host, looks after it from now on. Nobody is told: whoever runs it goes on. */
  leave(attempt: OfferedAttempt): void {
    if (attempt.stage.kind === "taken") attempt.stage.watch?.cancel();
    this.untaken.remove(attempt);
    attempt.stage = { kind: "over" };
  }

  /** A worker says something of an attempt. */
  heard(session: Session, call: WorkerCall): void {
    const { address, word } = call;
    const activation = this.#parts.find(formatAddress(address));
    const attempt = activation?.session === session ? attemptUnder(activation, word.token) : undefined;
    if (attempt === undefined) this.#unknown(session, activation, call);
    else this.#say(attempt, call);
  }

  #say(attempt: OfferedAttempt, { word, answer }: WorkerCall): void {
    const { stage } = attempt;
    switch (word.say) {
      case "take":
        return this.#take(attempt, word.tell === undefined ? { worker: word.worker } : { worker: word.worker, tell: word.tell }, answer);
      case "beat":
        return answer(this.#beat(attempt, word.worker));
      case "progress":
        if (this.#beat(attempt, word.worker).say === "go") this.#parts.progress(attempt.activation.address, word.value);
        return;
      case "back":
        if (isOf(stage, word.worker)) this.#back(attempt, stage, word.begun);
        return answer(NOT_WANTED);
      case "result":
        if (isOf(stage, word.worker)) this.#parts.ended(attempt, word.end);
        return answer({ say: "wait" });
    }
  }

  #take(attempt: OfferedAttempt, worker: Worker, answer: (word: OwnerWord) => void): void {
    const { stage, activation } = attempt;
    if (stage.kind === "storing") {
      attempt.stage = { kind: "storing", early: () => this.#take(attempt, worker, answer) };
      return;
    }
    if (stage.kind === "open") {
      const record = activation.actor?.record;
      if (record !== undefined && isLate(record, this.#parts.clock.now())) {
        this.#expire(attempt);
        return answer(NOT_WANTED);
      }
      this.untaken.remove(attempt);
      this.#parts.board.used(worker.worker);
      attempt.stage = { kind: "granting", worker, answer };
      return this.#parts.grant(attempt, worker);
    }
    if (!isOf(stage, worker.worker)) return answer(NOT_WANTED);
    // It did not hear the answer, or asks again before there is one.
    if (stage.kind === "granting") stage.answer = answer;
    else answer(this.#beat(attempt, worker.worker));
  }

  #beat(attempt: OfferedAttempt, worker: string): OwnerWord {
    const { stage } = attempt;
    if (!isOf(stage, worker)) return NOT_WANTED;
    if (stage.kind === "taken") stage.heardAt = this.#parts.clock.monotonic();
    return { say: "go" };
  }

  #back(attempt: OfferedAttempt, stage: Extract<OfferStage, { kind: "granting" | "taken" }>, begun: boolean): void {
    // Once it is stored that the worker has it, it can be stored that it has it no more.
    if (stage.kind === "granting") stage.answer = () => this.#back(attempt, attempt.stage as typeof stage, false);
    else if (begun) this.#parts.gaveUp(attempt);
    else this.#parts.givenBack(attempt);
  }

  /** Not among what this host knows of: over, or not read yet. The record tells. */
  #unknown(session: Session, activation: Activation | undefined, { address, word, answer }: WorkerCall): void {
    const isSettling = activation?.pending !== undefined || activation?.committing !== undefined;
    if (activation?.phase === "loading" || (isSettling && word.say === "result")) return answer({ say: "wait" });
    if (activation?.actor !== undefined) return answer(NOT_WANTED);
    this.#parts.store.load([address]).then(
      ([bytes]) => {
        if (bytes === undefined || !isOpenIn(bytes, word.token)) return answer(NOT_WANTED);
        if (session.open) this.#parts.wake(session, address);
        answer({ say: "wait" });
      },
      () => {},
    );
  }

  #taken(attempt: OfferedAttempt, worker: Worker): void {
    const stage: Extract<OfferStage, { kind: "taken" }> = {
      kind: "taken",
      worker,
      heardAt: this.#parts.clock.monotonic(),
      watch: undefined,
    };
    attempt.stage = stage;
    this.#watch(attempt, stage, this.#parts.silenceMs);
  }

  #watch(attempt: OfferedAttempt, stage: Extract<OfferStage, { kind: "taken" }>, waitMs: number): void {
    const { clock, silenceMs } = this.#parts;
    stage.watch = clock.after(waitMs, () => {
      if (attempt.stage !== stage) return;
      const leftMs = stage.heardAt + silenceMs - clock.monotonic();
      if (leftMs > 0) this.#watch(attempt, stage, leftMs);
      else if (leftMs > -SECOND_LOOK_MS) this.#watch(attempt, stage, SECOND_LOOK_MS);
      else this.#silent(attempt, stage);
    });
  }

  #silent(attempt: OfferedAttempt, { worker }: Extract<OfferStage, { kind: "taken" }>): void {
    const { key } = attempt.activation;
    this.#parts.log.warn(
      { actor: key, attempt: attempt.attempt, worker: worker.worker },
      "a worker gives no sign of life; its attempt is given up",
    );
    this.#stop(
      attempt,
      new TroupeError("lost_partition", `Nothing was heard of ${worker.worker} for too long; ${key} is another's now`, { about: key }),
    );
    this.#parts.gaveUp(attempt);
  }

  #expire(attempt: OfferedAttempt): void {
    const about = attempt.activation.key;
    const error = new TroupeError("expired", `Nobody took ${about} before its deadline`, { about });
    this.withdraw(attempt);
    this.#parts.ended(attempt, { kind: "failed", error: { ...toErrorRecord(error), retryable: false } });
  }

  #stop({ stage, token }: OfferedAttempt, reason: TroupeError): void {
    if (stage.kind !== "granting" && stage.kind !== "taken") return;
    const word = { say: "stop", reason: toErrorRecord(reason) } as const;
    if (stage.kind === "granting") stage.answer(word);
    if (stage.worker.tell !== undefined) this.#parts.work.push(stage.worker.tell, { ...word, token });
  }

  #letter({ token, attempt, activation }: OfferedAttempt, { timeoutMs }: Activity, input: unknown) {
    const { address, session } = activation;
    const { body, contentType } = encodeValue(input);
    return {
      body,
      headers: {
        [HEADERS.contentType]: contentType,
        [HEADERS.owner]: this.#parts.work.ownerOf(session.partition, address),
        [HEADERS.token]: token,
        [HEADERS.attempt]: String(attempt),
        [HEADERS.epoch]: String(session.fence),
        [HEADERS.silence]: String(this.#parts.silenceMs),
        ...(timeoutMs === undefined ? {} : { [HEADERS.timeout]: String(timeoutMs) }),
      },
    };
  }
}

const NOT_WANTED: OwnerWord = {
  say: "stop",
  reason: toErrorRecord(new TroupeError("lost_partition", "This attempt is over, or another worker's")),
};

/** The attempt of an actor that was offered under a token. */
export function attemptUnder({ attempts }: Activation, token: string): OfferedAttempt | undefined {
  return attempts.find((each): each is OfferedAttempt => each instanceof OfferedAttempt && each.token === token);
}

function isOf(stage: OfferStage, worker: string): stage is Extract<OfferStage, { kind: "granting" | "taken" }> {
  return (stage.kind === "granting" || stage.kind === "taken") && stage.worker.worker === worker;
}

function isOpenIn(bytes: Uint8Array, token: string): boolean {
  try {
    const record: ActorRecord = asRecord(decodeRecord(bytes));
    return record.status === "active" && activityUnder(record, token) !== undefined;
  } catch {
    // Written by another version: whoever can read it decides.
    return true;
  }
}

function numbersOf({ generation, input, reruns, failures = 0 }: ActivityRecord) {
  return { generation, attempt: attemptOf(input, reruns + failures) };
}

/** That of the start which is held; a task that begins again later waits with the others that nobody hurries. */
function laneOf(holds: readonly Hold[]): StartLane {
  const start = holds.find(({ delivery }) => delivery.lane !== "event");
  return (start?.delivery.lane as StartLane | undefined) ?? "normal";
}
