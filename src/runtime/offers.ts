import type { StartLane } from "../core/address.ts";
import { encodeValue } from "../core/codec.ts";
import type { Activity, Definition } from "../core/definition.ts";
import { HEADERS } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { attemptOf } from "../core/lifecycle.ts";
import { offered } from "../core/offer.ts";
import type { ActivityRecord } from "../core/record.ts";
import type { Store, Write } from "../ports/store.ts";
import { labelsOf, type Abilities } from "./abilities.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import { OfferedAttempt } from "./offered-attempt.ts";
import { Room } from "./room.ts";
import { Untaken, type UntakenParts } from "./untaken.ts";
import { failure, Workers, type WorkerParts } from "./workers.ts";

export interface OfferParts extends Omit<WorkerParts, "untaken">, Omit<UntakenParts, "expired" | "givenBack"> {
  readonly store: Store;
  readonly abilities: Abilities;
  /** More has been begun than there are slots. */
  readonly isOver: () => boolean;
}

/**
 * Which attempts others are to run, and what is stored of them; what follows then: untaken.ts, workers.ts.
 *
 * Owns: the offered attempts of this host's actors until somebody takes them. Calls in: attempts.ts, admission.ts, offer-turns.ts.
 */
export class Offers {
  readonly #parts: OfferParts;
  readonly #room: Room;
  readonly untaken: Untaken;
  readonly workers: Workers;

  constructor(parts: OfferParts) {
    this.#parts = parts;
    this.#room = new Room(parts.store);
    this.untaken = new Untaken({ ...parts, expired: (attempt) => this.workers.expire(attempt) });
    this.workers = new Workers({ ...parts, untaken: this.untaken });
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
    const offer = {
      token: this.#parts.work.newToken(),
      lane: laneOf(holds),
      labels: labelsOf(definition),
      since: this.#parts.clock.now(),
    };
    const attempt = new OfferedAttempt({ ...offer, ...numbersOf(asked), activation, name, isSpill, holds, timeoutMs: activity.timeoutMs });
    const letter = this.#letter(attempt, activity.input(actor.record.context, asked.input));
    if (letter.body.length > this.#room.messageBytes) {
      if (isSpill) return undefined;
      queueMicrotask(() => this.#parts.ended(attempt, failure(tooLarge(activation), false)));
      return { attempt, write: undefined };
    }
    activation.actor = offered(actor, name, { phase: "open", ...offer });
    this.untaken.add(attempt);
    return { attempt, write: { kind: "work", partition: session.partition, lane: offer.lane, address, letter } };
  }

  /** What the last owner had offered. */
  takeUp(activation: Activation, name: string, asked: ActivityRecord, holds: Hold[]): OfferedAttempt | undefined {
    const { offer } = asked;
    if (offer === undefined) return undefined;
    const isSpill = this.#parts.abilities.canRun(activation.address.type);
    const timeoutMs = activation.definition.activities.get(asked.src)?.timeoutMs;
    const attempt = new OfferedAttempt({ ...offer, ...numbersOf(asked), activation, name, isSpill, holds, timeoutMs });
    if (offer.phase === "taken") this.workers.taken(attempt, offer);
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

  /** Its machine has no more use for it. */
  halt(attempt: OfferedAttempt, reason: TroupeError): void {
    if (attempt.stage.kind === "open") this.withdraw(attempt);
    this.workers.stop(attempt, reason);
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

  #letter({ token, attempt, activation, timeoutMs }: OfferedAttempt, input: unknown) {
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

function tooLarge({ key }: Activation): TroupeError {
  return new TroupeError("too_large", `The input of ${key} does not fit a message, and no other host can have it`, { about: key });
}

function numbersOf({ generation, input, reruns, failures = 0 }: ActivityRecord) {
  return { generation, attempt: attemptOf(input, reruns + failures) };
}

/** That of the start which is held; a task that begins again later waits with the others that nobody hurries. */
function laneOf(holds: readonly Hold[]): StartLane {
  const start = holds.find(({ delivery }) => delivery.lane !== "event");
  return (start?.delivery.lane as StartLane | undefined) ?? "normal";
}
