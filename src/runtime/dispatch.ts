import { encodeJson } from "../core/codec.ts";
import { isMail, type Effect } from "../core/effect.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Activation, Pending } from "./activation.ts";
import type { Acts } from "./acts.ts";
import type { Alarms } from "./alarms.ts";
import type { Attempts } from "./attempts.ts";
import { timerLetter } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Nearby } from "./nearby.ts";
import type { Obligations } from "./obligations.ts";
import type { Outcomes } from "./outcomes.ts";
import { mailWrite } from "./post.ts";
import { addWrite } from "./pending.ts";
import type { Replies } from "./replies.ts";
import { writeTicket } from "./tickets.ts";
import type { Timekeeper } from "./timekeeper.ts";

export interface DispatchParts {
  readonly outlet: Outlet;
  readonly log: Log;
  readonly partitions: number;
  readonly timekeeper: Timekeeper;
  readonly nearby: Nearby;
  readonly outcomes: Outcomes;
}

/**
 * Where effects go: into the commit of their turn (mail, timers), or out once that is stored.
 *
 * Owns: nothing. Calls in: ledger.ts (`note`), release.ts (`release`), recovery.ts (`withdraw`). Calls out: attempts, alarms,
 * acts, replies, the outlet.
 * D1. What is a message to another actor is in the same commit as the record of its sender.
 */
export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #attempts: Attempts;
  readonly #alarms: Alarms;
  readonly #acts: Acts;
  readonly #replies: Replies;

  constructor(parts: DispatchParts, { attempts, alarms, acts, replies }: Obligations) {
    this.#parts = parts;
    this.#attempts = attempts;
    this.#alarms = alarms;
    this.#acts = acts;
    this.#replies = replies;
  }

  /** In the turn that asks for it. */
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
        const work = this.#attempts.prepare(activation, effect, causes);
        if (work !== undefined) addWrite(pending, `work ${effect.activity}`, work);
        // The record says that it is offered.
        if (work !== undefined) pending.bytes = undefined;
        pending.effects = [...pending.effects, effect];
        break;
      }
      case "arm":
        if (effect.keeper === "host") this.#alarms.arm(activation, effect.timer, effect.generation, effect.dueAt, causes);
        else this.#schedule(activation, pending, effect);
        break;
      case "disarm":
        if (effect.keeper === "host") pending.holds.push(...this.#alarms.disarm(activation, effect.timer));
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

  /** Once that turn is stored. */
  release(activation: Activation, effect: Effect, holds: Hold[]): void {
    switch (effect.kind) {
      case "run":
        this.#attempts.clear(activation, effect);
        break;
      case "grant":
        this.#attempts.granted(activation, effect);
        break;
      case "halt": {
        const why = new TroupeError("cancelled", `The machine of ${activation.key} stopped this work`, { about: activation.key });
        holds.push(...this.#attempts.halt(activation, effect.generation, why));
        break;
      }
      case "hand":
        this.#attempts.hand(activation, effect.activity, effect.event, effect.generation);
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
