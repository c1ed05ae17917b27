import { formatAddress, type Address } from "../core/address.ts";
import { decodeRecord } from "../core/codec.ts";
import { toErrorRecord, TroupeError, type ErrorRecord } from "../core/errors.ts";
import { isLate } from "../core/lifecycle.ts";
import { activityUnder } from "../core/offer.ts";
import { asRecord } from "../core/record.ts";
import type { OwnerWord, WorkEnd } from "../core/worker-talk.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { Work, WorkerCall } from "../ports/work.ts";
import type { Activation } from "./activation.ts";
import { OfferedAttempt, type OfferStage, type TakenStage, type Worker } from "./offered-attempt.ts";
import type { Session } from "./session.ts";
import { Silence } from "./silence.ts";
import type { SlotBoard } from "./slot-board.ts";
import type { Untaken } from "./untaken.ts";

export interface WorkerParts {
  readonly store: Store;
  readonly work: Work;
  readonly clock: Clock;
  readonly log: Log;
  readonly board: SlotBoard;
  readonly untaken: Untaken;
  /** After so long without a word a worker is believed dead. */
  readonly silenceMs: number;
  readonly find: (key: string) => Activation | undefined;
  /** Reads an actor that is not in memory. */
  readonly wake: (session: Session, address: Address) => void;
  readonly ended: (attempt: OfferedAttempt, end: WorkEnd) => void;
  readonly expired: (attempt: OfferedAttempt) => void;
  /** Stores who may begin; `granted` is called once it is. */
  readonly grant: (attempt: OfferedAttempt, worker: Worker) => void;
  /** Whoever had it does not go on: its crash policy decides. */
  readonly gaveUp: (attempt: OfferedAttempt) => void;
  readonly givenBack: (attempt: OfferedAttempt) => void;
  readonly progress: (actor: Address, value: unknown) => void;
}

type InHand = Extract<OfferStage, { kind: "granting" | "taken" }>;

/**
 * What workers say to the owner of their task, what they are answered, and what becomes of those that say nothing any more.
 *
 * Owns: the stage of attempts from `granting` on. Calls in: offers.ts, the partitions (`heard`). Calls out: offer-turns.ts.
 * W1. Nobody is told to begin before the turn is stored that says who does, under the fence (invariants 3, 7).
 * W2. Two never run one attempt: it is begun again only once its worker is believed dead, or says that it does not go on.
 * W3. What is said under a token that the record does not have is answered with `stop`; not by an owner that is leaving: the next one
 *     decides.
 */
export class Workers {
  readonly #parts: WorkerParts;
  readonly #silence: Silence;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#silence = new Silence({ ...parts, silent: (attempt, worker) => this.#silent(attempt, worker) });
  }

  /** A worker says something of an attempt. */
  heard(session: Session, call: WorkerCall): void {
    const activation = this.#parts.find(formatAddress(call.address));
    const attempt = activation?.session === session ? attemptUnder(activation, call.word.token) : undefined;
    // Its attempts may be given up already, which nobody decides who leaves.
    if (attempt === undefined && !session.accepts) call.answer({ say: "wait" });
    else if (attempt === undefined) this.#unknown(session, activation, call);
    else this.#hear(attempt, call);
  }

  /** It is stored who may begin. */
  granted(attempt: OfferedAttempt): void {
    const { stage } = attempt;
    if (stage.kind !== "granting") return;
    this.taken(attempt, stage.worker);
    stage.answer({ say: "go" });
  }

  /** Somebody runs it: from now on its silence is watched. */
  taken(attempt: OfferedAttempt, worker: Worker): void {
    const now = this.#parts.clock.monotonic();
    const stage: TakenStage = { kind: "taken", worker, since: now, heardAt: now, watch: undefined };
    attempt.stage = stage;
    this.#silence.watch(attempt, stage);
  }

  /** Tells whoever has it that it is not wanted any more. */
  stop({ stage, token }: OfferedAttempt, reason: TroupeError): void {
    if (stage.kind !== "granting" && stage.kind !== "taken") return;
    const word = { say: "stop", reason: toErrorRecord(reason) } as const;
    if (stage.kind === "granting") stage.answer(word);
    if (stage.worker.tell !== undefined) this.#parts.work.push(stage.worker.tell, { ...word, token });
  }

  /** Its deadline passed before anybody had it. */
  expire(attempt: OfferedAttempt): void {
    this.#parts.work.withdraw(attempt.lane, attempt.activation.address);
    this.#parts.expired(attempt);
  }

  #hear(attempt: OfferedAttempt, call: WorkerCall): void {
    const { stage } = attempt;
    const { word } = call;
    const { worker } = word;
    switch (word.say) {
      case "take":
        return this.#take(attempt, word.tell === undefined ? { worker } : { worker, tell: word.tell }, (said) => call.answer(said));
      case "beat":
        return call.answer(this.#beat(attempt, worker));
      case "progress":
        if (this.#beat(attempt, worker).say === "go") this.#parts.progress(attempt.activation.address, word.value);
        return;
      case "back":
        if (isOf(stage, worker)) this.#back(attempt, stage, word.begun);
        return call.answer(NOT_WANTED);
      case "result":
        if (isOf(stage, worker)) this.#parts.ended(attempt, word.end);
        return call.answer({ say: "wait" });
    }
  }

  #take(attempt: OfferedAttempt, worker: Worker, answer: (word: OwnerWord) => void): void {
    const { stage } = attempt;
    if (stage.kind === "storing") attempt.stage = { kind: "storing", early: () => this.#take(attempt, worker, answer) };
    else if (stage.kind === "open") this.#grant(attempt, worker, answer);
    else if (!isOf(stage, worker.worker)) answer(NOT_WANTED);
    // It did not hear the answer, or asks again before there is one.
    else if (stage.kind === "granting") stage.answer = answer;
    else answer(this.#beat(attempt, worker.worker));
  }

  #grant(attempt: OfferedAttempt, worker: Worker, answer: (word: OwnerWord) => void): void {
    const { clock, untaken, board, grant } = this.#parts;
    const record = attempt.activation.actor?.record;
    if (record !== undefined && isLate(record, clock.now())) {
      this.expire(attempt);
      return answer(NOT_WANTED);
    }
    untaken.remove(attempt);
    board.used(worker.worker);
    attempt.stage = { kind: "granting", worker, answer };
    grant(attempt, worker);
  }

  #beat(attempt: OfferedAttempt, worker: string): OwnerWord {
    const { stage } = attempt;
    if (!isOf(stage, worker)) return NOT_WANTED;
    if (stage.kind !== "taken") return { say: "go" };
    stage.heardAt = this.#parts.clock.monotonic();
    return this.#isOverTime(attempt, stage) ? this.#timeOut(attempt) : { say: "go" };
  }

  /** A worker minds the timeout itself; one that does not is not waited for. */
  #isOverTime({ timeoutMs }: OfferedAttempt, { since, heardAt }: TakenStage): boolean {
    return timeoutMs !== undefined && heardAt - since > timeoutMs + this.#parts.silenceMs;
  }

  #timeOut(attempt: OfferedAttempt): OwnerWord {
    const about = attempt.activation.key;
    const error = new TroupeError(
      "timeout",
      `Attempt ${attempt.attempt} of ${about} took longer than its timeout of ${attempt.timeoutMs} ms`,
      {
        about,
      },
    );
    this.stop(attempt, error);
    this.#parts.ended(attempt, failure(error));
    return { say: "stop", reason: toErrorRecord(error) };
  }

  #back(attempt: OfferedAttempt, stage: InHand, begun: boolean): void {
    // Once it is stored that the worker has it, it can be stored that it has it no more.
    if (stage.kind === "granting") stage.answer = () => this.#back(attempt, attempt.stage as InHand, false);
    else if (begun) this.#parts.gaveUp(attempt);
    else this.#parts.givenBack(attempt);
  }

  /** Not among what this host knows of: over, or not read yet. The record tells. */
  #unknown(session: Session, activation: Activation | undefined, call: WorkerCall): void {
    const { address, word } = call;
    const isSettling = activation?.pending !== undefined || activation?.committing !== undefined;
    if (activation?.phase === "loading" || (isSettling && word.say === "result")) return call.answer({ say: "wait" });
    if (activation?.actor !== undefined) return call.answer(NOT_WANTED);
    this.#parts.store.load([address]).then(
      ([bytes]) => {
        if (bytes === undefined || !isOpenIn(bytes, word.token)) return call.answer(NOT_WANTED);
        if (session.open) this.#parts.wake(session, address);
        call.answer({ say: "wait" });
      },
      () => {},
    );
  }

  #silent(attempt: OfferedAttempt, worker: string): void {
    const { key } = attempt.activation;
    this.#parts.log.warn({ actor: key, attempt: attempt.attempt, worker }, "a worker gives no sign of life; its attempt is given up");
    this.stop(
      attempt,
      new TroupeError("lost_partition", `Nothing was heard of ${worker} for too long; ${key} is another's now`, { about: key }),
    );
    this.#parts.gaveUp(attempt);
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

export function failure(error: TroupeError, retryable = true): WorkEnd {
  const record: ErrorRecord = toErrorRecord(error);
  return { kind: "failed", error: retryable ? record : { ...record, retryable: false } };
}

function isOf(stage: OfferStage, worker: string): stage is InHand {
  return (stage.kind === "granting" || stage.kind === "taken") && stage.worker.worker === worker;
}

function isOpenIn(bytes: Uint8Array, token: string): boolean {
  try {
    const record = asRecord(decodeRecord(bytes));
    return record.status === "active" && activityUnder(record, token) !== undefined;
  } catch {
    // Written by another version: whoever can read it decides.
    return true;
  }
}
