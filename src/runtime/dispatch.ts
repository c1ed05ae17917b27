import { encodeActor, encodeJson, encodeRecord } from "../core/codec.ts";
import { isMail, type Effect } from "../core/effect.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { growthOf } from "../core/growth.ts";
import { outlineOf } from "../core/record.ts";
import type { Turn } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import type { Activation, Pending } from "./activation.ts";
import type { Acts } from "./acts.ts";
import { timerLetter } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Nearby } from "./nearby.ts";
import type { Obligations } from "./obligations.ts";
import type { Outcomes } from "./outcomes.ts";
import { draftMail, mailWrite } from "./post.ts";
import { addWrite } from "./pending.ts";
import type { Replies } from "./replies.ts";
import { Room } from "./room.ts";
import { writeTicket } from "./tickets.ts";
import type { Timekeeper } from "./timekeeper.ts";

export interface DispatchParts {
  readonly store: Store;
  readonly outlet: Outlet;
  readonly log: Log;
  readonly partitions: number;
  readonly timekeeper: Timekeeper;
  readonly nearby: Nearby;
  readonly outcomes: Outcomes;
}

/**
 * Where effects go: into the commit of their turn (mail, timers, history), or out once that is stored.
 *
 * Owns: nothing. Calls in: performer.ts. Calls out: obligations, acts, replies, the outlet.
 * D1. What is a message to another actor is in the same commit as the record of its sender.
 */
export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #room: Room;
  readonly #obligations: Obligations;
  readonly #acts: Acts;
  readonly #replies: Replies;

  constructor(parts: DispatchParts, obligations: Obligations, acts: Acts, replies: Replies) {
    this.#parts = parts;
    this.#room = new Room(parts.store);
    this.#obligations = obligations;
    this.#acts = acts;
    this.#replies = replies;
  }

  /**
   * For time travel: what the turn heard, which way it went, what it asked for and what it made of the actor; of a large record only the
   * outline.
   */
  keep(activation: Activation, pending: Pending, { event, edges = [], effects, actor }: Turn): void {
    const { revision } = actor.record;
    const told = effects.map((effect) =>
      effect.kind === "act" ? { kind: effect.kind, key: effect.owed.key, action: effect.owed.action } : effect,
    );
    const recordBytes = pending.bytes?.length ?? activation.recordBytes;
    const record = recordBytes > MOST_KEPT_BYTES ? outlineOf(actor.record, recordBytes) : actor.record;
    let bytes = encodedTurn({ event, edges, effects: told, record });
    if (bytes.length > this.#room.messageBytes) {
      const kinds = effects.map(({ kind }) => ({ kind }));
      bytes = encodeRecord({ event: event && { type: event.type }, edges, effects: kinds, record: outlineOf(actor.record, recordBytes) });
    }
    addWrite(pending, `turn ${revision}`, {
      kind: "turn",
      partition: activation.session.partition,
      address: activation.address,
      revision,
      bytes,
    });
  }

  /**
   * That everything a turn wants stored can be, before any of it is noted. Many turns share one record, which is written down once
   * where the last one written has room for what is new; otherwise now, and its bytes returned. @throws bad_payload, too_large
   */
  check(activation: Activation, { actor, effects }: Turn): Uint8Array | undefined {
    const { key, measured, recordBytes } = activation;
    const most = this.#room.recordBytes;
    this.checkMail(key, effects);
    const growth = measured === undefined ? undefined : growthOf(measured, actor.record);
    if (growth !== undefined && recordBytes + growth <= most) return undefined;
    const bytes = written(key, actor);
    if (bytes.length > most) throw tooLarge(key, `store a record of ${bytes.length} bytes`, most);
    activation.measured = actor.record;
    activation.recordBytes = bytes.length;
    return bytes;
  }

  /** @throws bad_payload, too_large */
  checkMail(key: string, effects: readonly Effect[]): void {
    const { messageBytes } = this.#room;
    for (const effect of effects) {
      const bytes = sizeOf(effect);
      if (bytes > messageBytes) throw tooLarge(key, `send ${bytes} bytes in one message`, messageBytes);
    }
  }

  note(activation: Activation, pending: Pending, effect: Effect, causes: readonly Hold[]): void {
    if (isMail(effect)) {
      const message = `${activation.key}:${activation.actor?.record.revision}:${pending.writes?.size ?? 0}`;
      const mail = mailWrite(effect, message, this.#parts.partitions);
      addWrite(pending, message, mail);
      this.#parts.nearby.offer(activation, pending, message, mail);
      return;
    }
    switch (effect.kind) {
      case "run": {
        const work = this.#obligations.prepare(activation, effect, causes);
        if (work !== undefined) addWrite(pending, `work ${effect.activity}`, work);
        // The record says that it is offered.
        if (work !== undefined) pending.bytes = undefined;
        pending.effects = [...pending.effects, effect];
        break;
      }
      case "arm":
        if (effect.keeper === "host") this.#obligations.arm(activation, effect.timer, effect.generation, effect.dueAt, causes);
        else this.#schedule(activation, pending, effect);
        break;
      case "disarm":
        if (effect.keeper === "host") pending.holds.push(...this.#obligations.disarm(activation, effect.timer));
        else this.withdraw(activation, pending, effect.timer);
        break;
      case "queue":
      case "unqueue":
        writeTicket(activation, pending, effect);
        break;
      case "act":
      case "reply":
        for (const hold of causes) hold.take();
        activation.owing = activation.owing.length === 0 ? [{ effect, causes }] : [...activation.owing, { effect, causes }];
        pending.effects = [...pending.effects, effect];
        break;
      default:
        pending.effects = [...pending.effects, effect];
    }
  }

  /** Takes a timer back that the server keeps: in the commit of the turn that has no more use for it. */
  withdraw({ address, session }: Activation, pending: Pending, timer: string): void {
    this.#parts.timekeeper.drop(address, timer);
    addWrite(pending, `timer ${timer}`, { kind: "cancelTimer", partition: session.partition, owner: address, timer });
  }

  release(activation: Activation, effect: Effect, holds: Hold[]): void {
    switch (effect.kind) {
      case "run":
        this.#obligations.clear(activation, effect);
        break;
      case "grant":
        this.#obligations.granted(activation, effect);
        break;
      case "halt": {
        const why = new TroupeError("cancelled", `The machine of ${activation.key} stopped this work`, { about: activation.key });
        holds.push(...this.#obligations.halt(activation, effect.generation, why));
        break;
      }
      case "hand":
        this.#obligations.hand(activation, effect.activity, effect.event, effect.generation);
        break;
      case "act":
        this.#release(activation, effect, holds, (causes) => this.#acts.run(activation, effect, causes));
        break;
      case "reply":
        this.#release(activation, effect, holds, (causes) => this.#replies.send(activation, effect.reply, causes));
        break;
      case "acknowledge":
        this.#parts.outcomes.acknowledge(activation);
        break;
      case "emit":
        this.#emit(activation, effect.event);
        break;
      case "log":
        this.#parts.log.info({ actor: activation.key, label: effect.label, value: effect.value }, "the machine logs");
        break;
    }
  }

  /** Whoever listens misses what JSON cannot say; the turn is stored all the same. */
  #emit({ address, key }: Activation, event: ActorEvent): void {
    try {
      this.#parts.outlet.event(address, event.type, encodeJson(event));
    } catch (error) {
      this.#parts.log.error({ actor: key, event: event.type, err: error }, "an emitted event could not be published");
    }
  }

  /** What carries on after the commit counts the deliveries that wait for it anew. */
  #release(activation: Activation, effect: Effect, holds: Hold[], carryOn: (causes: readonly Hold[]) => void): void {
    const owing = activation.owing.find((each) => each.effect === effect);
    if (owing === undefined) {
      // An ask that nothing heard: it only waited for what was on its way when it came.
      if (effect.kind === "reply") this.#parts.outlet.reply(effect.reply.to, encodeJson(effect.reply.answer));
      return;
    }
    activation.owing = activation.owing.filter((each) => each !== owing);
    carryOn(owing.causes);
    holds.push(...owing.causes);
  }

  #schedule({ address, session }: Activation, pending: Pending, { timer, generation, dueAt }: Extract<Effect, { kind: "arm" }>): void {
    addWrite(pending, `timer ${timer}`, {
      kind: "timer",
      partition: session.partition,
      owner: address,
      timer,
      dueAt: this.#parts.timekeeper.keep(session, address, timer, generation, dueAt),
      message: `timer-${generation}`,
      letter: timerLetter(timer, generation),
    });
  }
}

/** Every turn keeps its record: a larger one would fill the disk, a hundred megabytes for a thousand turns. */
const MOST_KEPT_BYTES = 64 * 1024;

function tooLarge(key: string, what: string, most: number): TroupeError {
  return new TroupeError("too_large", `A turn of ${key} would ${what}; ${most} is the most`, { about: key });
}

/** @throws bad_payload for what cannot be written down */
function sizeOf(effect: Effect): number {
  if (isMail(effect)) return draftMail(effect);
  return effect.kind === "reply" ? encodeJson(effect.reply.answer).length : 0;
}

/** A turn for time travel. */
interface KeptTurn {
  readonly effects: readonly { readonly kind: string }[];
  readonly [part: string]: unknown;
}

/** What is only logged or published may hold what cannot be stored; of effects like that the kinds are kept. */
function encodedTurn(turn: KeptTurn): Uint8Array {
  try {
    return encodeRecord(turn);
  } catch {
    return encodeRecord({ ...turn, effects: turn.effects.map(({ kind }) => ({ kind })) });
  }
}

function written(key: string, actor: Turn["actor"]): Uint8Array {
  try {
    return encodeActor(actor.record);
  } catch (cause) {
    throw new TroupeError("bad_payload", `The state of ${key} cannot be stored: ${(cause as Error).message}`, {
      about: key,
      cause,
      ...(cause instanceof TroupeError ? { faults: cause.faults } : {}),
    });
  }
}
