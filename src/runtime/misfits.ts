import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import { fit, isMisfit, parkMisfit, type Fit } from "../core/fit.ts";
import { refusal } from "../core/asking.ts";
import type { ActorRecord } from "../core/record.ts";
import { revive } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import { NOTHING, type Activation } from "./activation.ts";
import { askerOf, isRetry } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Turns } from "./turns.ts";

export interface MisfitParts {
  readonly log: Log;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly retire: (activation: Activation) => void;
}

/** What becomes of an actor that is taken up. */
export interface TakenUp {
  /** Goes on with what the actor's last host left open. */
  recover(activation: Activation): void;
  perform(activation: Activation, hold: Hold): void;
}

/**
 * Records that were just read, under the definitions that this host has: most are as this version wrote them, some come from an
 * older one and are moved on, and some fit none. Those are parked, and everything that is sent to them waits.
 *
 * Owns: nothing; what waits is the activation's. Calls in: entrance.ts (`admit`), performer.ts (`wait`). Calls out: core's fit.
 * F1. Nothing of a misfit is turned and none of its deliveries is acknowledged: they come again, in order, to whichever host has the
 *     partition next, and are heard by the first that has a definition which fits.
 * F2. Of its record only `parked` is written, so that a host with an older version changes nothing that it does not understand.
 * F3. `retry` is heard at once: it looks once more, and is over either way; an ask is refused, so that its sender need not wait. Neither
 *     leaves a mark that would swallow what waits.
 * F4. An actor that is taken up hears of its overdue timers in their place among what waits, not first.
 */
export class Misfits {
  readonly #parts: MisfitParts;
  readonly #turns: Pick<Turns, "at" | "fit" | "apply" | "outcomes">;
  readonly #next: TakenUp;
  readonly #takenUp = new WeakSet<Activation>();

  constructor(parts: MisfitParts, turns: Pick<Turns, "at" | "fit" | "apply" | "outcomes">, takenUp: TakenUp) {
    this.#parts = parts;
    this.#turns = turns;
    this.#next = takenUp;
  }

  /** The actor of a record that was just read, whose deliveries wait. */
  admit(activation: Activation, record: ActorRecord): void {
    const found = this.#fit(activation, record);
    activation.definition = found.definition;
    activation.actor = { record };
    if (found.kind === "same") {
      if (record.status === "active") activation.actor = revive(found.definition, activation.address, record);
    } else if (found.kind === "moved") this.#move(activation, found, activation.waiting.slice(0, 1));
    else this.#park(activation, record, found.error);
  }

  /** Whether it waited for this host's definition: what it is late for was sent to it, and comes in its place. */
  hasWaited(activation: Activation): boolean {
    return this.#takenUp.has(activation);
  }

  wait(activation: Activation, hold: Hold): void {
    if (activation.misfit === undefined) return;
    if (isRetry(hold.delivery)) {
      this.#retry(activation, hold);
      return;
    }
    const asker = askerOf(hold.delivery);
    if (asker !== "") {
      const { key, actor } = activation;
      this.#turns.outcomes.refuse(
        asker,
        refusal("parked", `${key} is parked: ${actor?.record.parked?.error.message ?? "it fits no definition"}`, key),
      );
      forget(hold);
      return;
    }
    // What is read anew after a reconnect takes the place of what can no longer be acknowledged.
    const { source, sequence } = hold.delivery;
    activation.misfit.set(`${source} ${sequence}`, hold);
  }

  #fit(activation: Activation, record: ActorRecord): Fit {
    const at = this.#turns.at(activation);
    const newest = this.#parts.definitions.get(activation.address.type) ?? activation.definition;
    const found = fit(newest, activation.address, record, at);
    if (found.kind !== "moved" || found.migrated.length === 0) return found;
    try {
      return { ...found, turn: this.#turns.fit(activation, found.turn) };
    } catch (cause) {
      const { key } = activation;
      const words = `The migration of ${key} from version ${found.from} made what cannot be stored: ${(cause as Error).message}`;
      return { kind: "misfit", definition: found.definition, error: new TroupeError("migration_failed", words, { about: key, cause }) };
    }
  }

  #move(
    activation: Activation,
    { definition, turn, from, migrated, notes }: Extract<Fit, { kind: "moved" }>,
    causes: readonly Hold[],
  ): void {
    if (isMisfit(activation.actor?.record.parked)) this.#takenUp.add(activation);
    const moved = { actor: activation.key, from, to: definition.version, migrated };
    this.#parts.log.info(moved, "the actor goes on under another version");
    if (notes.length > 0) this.#parts.log.warn({ ...moved, notes }, "the actor goes on in a machine that is not quite the one it began in");
    this.#turns.apply(activation, turn, [], causes);
  }

  #park(activation: Activation, record: ActorRecord, error: TroupeError): void {
    activation.misfit = new Map();
    const at = this.#turns.at(activation);
    const parked = parkMisfit(record, error, at);
    if (parked === undefined) return;
    this.#parts.log.error({ actor: activation.key, code: error.code, faults: error.faults }, `parked: ${error.message}`);
    try {
      const turn = this.#turns.fit(activation, { actor: { record: parked }, effects: NOTHING, kind: "changed" });
      this.#turns.apply(activation, turn, [], []);
    } catch {
      // A record that leaves no room for the reason stays as it is: the log has told it.
    }
  }

  #retry(activation: Activation, hold: Hold): void {
    const record = activation.actor?.record;
    const found = record === undefined ? undefined : this.#fit(activation, record);
    if (found?.kind !== "moved") {
      forget(hold);
      return;
    }
    const waiting = activation.misfit?.values() ?? NOTHING;
    activation.misfit = undefined;
    activation.definition = found.definition;
    this.#move(activation, found, [hold]);
    this.#next.recover(activation);
    for (const each of waiting) this.#next.perform(activation, each);
    this.#parts.retire(activation);
  }
}

/** Acknowledged without having been heard. */
function forget(hold: Hold): void {
  hold.take();
  hold.release();
}
