import { actionAt } from "../core/action-places.ts";
import { isMail, type Effect } from "../core/effect.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { scopeOf } from "../core/interpret.ts";
import { sendEffects } from "../core/passing.ts";
import type { OwedRecord, ReplyRecord } from "../core/record.ts";
import { ActorRef, refOfSystem, revived, textOf, type RefText } from "../core/ref.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import { mailWrite } from "./post.ts";
import type { Write } from "../ports/store.ts";
import type { Session } from "./session.ts";

export interface ActParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly partitions: number;
  /** Stores what an action sent. */
  readonly loose: (session: Session, writes: readonly Write[], committed: () => void) => void;
  readonly hand: (activation: Activation, activity: string, event: ActorEvent) => void;
  readonly reply: (activation: Activation, reply: ReplyRecord, causes: readonly Hold[]) => void;
  /** An action has run for good: its holds are handed over. */
  readonly acted: (activation: Activation, owed: OwedRecord, holds: Hold[]) => void;
}

type Act = (info: object, params: unknown) => unknown;

const MOST_TRIES = 5;
const FIRST_RETRY_MS = 1_000;

/**
 * Custom actions: user code that a stored turn asked for. Each runs after its commit, in the machine's order, one after the other per
 * actor, and at least once: its deliveries stay unacknowledged until it has run, and the record owes it until then, an ended one's too:
 * what is acknowledged comes again to the next owner until it is forgotten.
 *
 * Owns: the actions of every activation that are under way. Calls in: dispatch.ts, ledger.ts, recovery.ts, speech.ts (`send`).
 * A1. An action that throws is tried again a few times with growing delays; then it is given up and logged, and the next one runs.
 * A2. What it sends by `self` or by a reference while it runs is stored before its deliveries are let go.
 */
export class Acts {
  readonly #parts: ActParts;
  readonly #chains = new WeakMap<Activation, Promise<void>>();

  constructor(parts: ActParts) {
    this.#parts = parts;
  }

  /** Runs one, after those of the same actor that came before. Each of the holds is counted anew. */
  run(activation: Activation, effect: Pick<Extract<Effect, { kind: "act" }>, "owed" | "exec">, causes: readonly Hold[]): void {
    const { owed } = effect;
    for (const hold of causes) hold.take();
    const holds = [...causes];
    activation.acts = [...activation.acts, { key: owed.key, holds }];
    const before = this.#chains.get(activation) ?? Promise.resolve();
    const chain = before.then(() => this.#tryOut(activation, owed, effect.exec ?? find(activation, owed), holds));
    this.#chains.set(activation, chain);
    void chain.then(() => {
      activation.acts = activation.acts.filter(({ key }) => key !== owed.key);
      if (activation.phase !== "dropped") this.#parts.acted(activation, owed, holds);
    });
  }

  /** Those that a stored turn asked for and nobody is known to have run. */
  repeat(activation: Activation, causes: readonly Hold[]): void {
    const owing = activation.owing.flatMap(({ effect }) => (effect.kind === "act" ? [effect.owed.key] : []));
    const running = new Set([...activation.acts.map(({ key }) => key), ...owing]);
    for (const owed of activation.actor?.record.owed ?? [])
      if (!running.has(owed.key)) this.run(activation, { owed, exec: undefined }, causes);
  }

  async #tryOut(activation: Activation, owed: OwedRecord, act: Act | undefined, holds: Hold[]): Promise<void> {
    const { log, clock } = this.#parts;
    const about = { actor: activation.key, action: owed.action, key: owed.key };
    if (act === undefined) {
      log.error(about, "a custom action cannot be found again and is left out: give it a name");
      return;
    }
    for (let tries = 1; activation.phase !== "dropped"; tries++) {
      try {
        await this.#act(activation, owed, act, holds);
        return;
      } catch (error) {
        log.error({ ...about, tries, err: error }, "a custom action threw");
        if (tries === MOST_TRIES) return;
        await new Promise<void>((resolve) => clock.after(FIRST_RETRY_MS * 2 ** (tries - 1), resolve));
      }
    }
  }

  #act(activation: Activation, owed: OwedRecord, act: Act, holds: Hold[]): unknown {
    const { definition, key } = activation;
    let sends = 0;
    const relay = (to: unknown, event: ActorEvent): void => this.send(activation, textOf(to), event, `${owed.key}:${sends++}`, holds);
    const info = {
      context: revived(owed.context, relay),
      event: revived(owed.event, relay),
      self: new ActorRef(key, key, relay),
      system: { get: (name: string) => new ActorRef(refOfSystem(name), name, relay) },
      key: owed.key,
    };
    return scopeOf(definition).outside(relay, () => act(info, revived(owed.params, relay)));
  }

  /** What user code sends by a reference between turns, work included. `message` tells it from all else that is sent. */
  send(activation: Activation, to: RefText | undefined, event: ActorEvent, message: string, causes: readonly Hold[]): void {
    // Others may stand for the action before what it sends is stored.
    const holds = [...causes];
    const record = activation.actor?.record;
    if (to === undefined || record === undefined) return;
    for (const effect of sendEffects(activation.address, record, to, event)) {
      if (effect.kind === "hand") this.#parts.hand(activation, effect.activity, event);
      if (effect.kind === "reply") this.#parts.reply(activation, effect.reply, holds);
      if (!isMail(effect)) continue;
      // Over the store, and what a later turn says must not overtake it.
      activation.near = "starts";
      for (const hold of holds) hold.take();
      this.#parts.loose(activation.session, [mailWrite(effect, message, this.#parts.partitions)], () => {
        for (const hold of holds) hold.release();
      });
    }
  }
}

function find({ definition }: Activation, { action }: OwedRecord): Act | undefined {
  return action === "" ? undefined : actionAt(definition.machine, action);
}
