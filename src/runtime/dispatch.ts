import { encodeJson, encodeRecord } from "../core/codec.ts";
import { isMail, type Effect } from "../core/effect.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import type { Turn } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store, Write } from "../ports/store.ts";
import type { Activation, Pending } from "./activation.ts";
import type { Acts } from "./acts.ts";
import { timerLetter } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Obligations } from "./obligations.ts";
import { draftMail, mailWrite } from "./post.ts";
import type { Telling } from "./telling.ts";
import type { Timekeeper } from "./timekeeper.ts";

export interface DispatchParts {
  readonly store: Store;
  readonly outlet: Outlet;
  readonly telling: Telling;
  readonly log: Log;
  readonly partitions: number;
  readonly timekeeper: Timekeeper;
}

/**
 * Where effects go: into the commit of their turn (mail, timers, history), or out once that is stored.
 *
 * Owns: nothing. Calls in: performer.ts. Calls out: obligations, acts, the outlet.
 * D1. What is a message to another actor is in the same commit as the record of its sender.
 */
export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #obligations: Obligations;
  readonly #acts: Acts;

  constructor(parts: DispatchParts, obligations: Obligations, acts: Acts) {
    this.#parts = parts;
    this.#obligations = obligations;
    this.#acts = acts;
  }

  /** For time travel: what the turn heard, what it asked for and what it made of the actor. */
  keep(activation: Activation, pending: Pending, { event, effects, actor }: Turn): void {
    const { revision } = actor.record;
    const told = effects.map((effect) =>
      effect.kind === "act" ? { kind: effect.kind, key: effect.owed.key, action: effect.owed.action } : effect,
    );
    const bytes = encodeRecord({ event, effects: told, record: actor.record });
    add(pending, `turn ${revision}`, {
      kind: "turn",
      partition: activation.session.partition,
      address: activation.address,
      revision,
      bytes,
    });
  }

  /**
   * That everything a turn wants stored can be, before any of it is noted; the record as bytes. @throws bad_payload, too_large
   */
  check({ key }: Activation, { actor, effects }: Turn): Uint8Array {
    const { maxWriteBytes } = this.#parts.store;
    const bytes = recordBytes(key, actor);
    const most = Math.max(bytes.length, ...effects.map((effect) => (isMail(effect) ? draftMail(effect) : 0)));
    if (most <= maxWriteBytes - OVERHEAD_BYTES) return bytes;
    throw new TroupeError("too_large", `A turn of ${key} would store ${most} bytes in one message; the server takes ${maxWriteBytes}`, {
      about: key,
    });
  }

  note(activation: Activation, pending: Pending, effect: Effect, causes: readonly Hold[]): void {
    if (isMail(effect)) {
      const message = `${activation.key}:${activation.actor?.record.revision}:${pending.writes?.size ?? 0}`;
      add(pending, `mail ${message}`, mailWrite(effect, message, this.#parts.partitions));
      return;
    }
    switch (effect.kind) {
      case "run":
        this.#obligations.prepare(activation, effect, causes);
        pending.effects = [...pending.effects, effect];
        break;
      case "arm":
        if (effect.keeper === "host") this.#obligations.arm(activation, effect.timer, effect.generation, effect.dueAt, causes);
        else this.#schedule(activation, pending, effect);
        break;
      case "disarm":
        if (effect.keeper === "host") pending.holds.push(...this.#obligations.disarm(activation, effect.timer));
        else this.withdraw(activation, pending, effect.timer);
        break;
      case "act":
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
    add(pending, `timer ${timer}`, { kind: "cancelTimer", partition: session.partition, owner: address, timer });
  }

  /** The mail that a timer's schedule would have sent. Nothing of it is new to the actor; it stays unacknowledged for what is open. */
  remind({ address, session }: Activation, pending: Pending, timer: string, generation: number): void {
    const message = `timer-${generation}`;
    const letter = timerLetter(timer, generation);
    add(pending, `mail ${message}`, { kind: "mail", partition: session.partition, lane: "event", to: address, message, letter });
  }

  release(activation: Activation, effect: Effect, holds: Hold[]): void {
    switch (effect.kind) {
      case "run":
        this.#obligations.clear(activation, effect);
        break;
      case "halt": {
        const why = new TroupeError("cancelled", `The machine of ${activation.key} stopped this work`, { about: activation.key });
        holds.push(...this.#obligations.halt(activation, effect.generation, why));
        break;
      }
      case "hand":
        this.#obligations.hand(activation, effect.activity, effect.event);
        break;
      case "act":
        this.#act(activation, effect, holds);
        break;
      case "acknowledge":
        this.#parts.telling.acknowledged(activation);
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

  #act(activation: Activation, effect: Extract<Effect, { kind: "act" }>, holds: Hold[]): void {
    const owing = activation.owing.find((each) => each.effect === effect);
    if (owing === undefined) return;
    activation.owing = activation.owing.filter((each) => each !== owing);
    this.#acts.run(activation, effect, owing.causes);
    holds.push(...owing.causes);
  }

  #schedule({ address, session }: Activation, pending: Pending, { timer, generation, dueAt }: Extract<Effect, { kind: "arm" }>): void {
    add(pending, `timer ${timer}`, {
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

/** Room for subjects and headers. */
const OVERHEAD_BYTES = 1_024;

function recordBytes(key: string, actor: Turn["actor"]): Uint8Array {
  try {
    return encodeRecord(actor.record);
  } catch (cause) {
    throw new TroupeError("bad_payload", `The state of ${key} cannot be stored: ${(cause as Error).message}`, { about: key, cause });
  }
}

function add(pending: Pending, place: string, write: Write): void {
  (pending.writes ??= new Map()).set(place, write);
}
