import type { Definition } from "../core/definition.ts";
import type { Wish } from "../core/permit.ts";
import { partitionOf } from "../core/placement.ts";
import type { Listening } from "../ports/work.ts";
import type { Activation } from "./activation.ts";
import { Gatekeeper, type GatekeeperParts } from "./gatekeeper.ts";
import { Unsettled, type NearPermit } from "./near-permit.ts";
import type { Session } from "./session.ts";

export interface GatesParts extends Omit<GatekeeperParts, "unsettled"> {
  readonly definitions: ReadonlyMap<string, Definition>;
}

/**
 * The gates of limited types that belong to this host's partitions. A type's gate is where an actor of that type with the id `gate`
 * would be.
 *
 * Owns: the gatekeepers. Calls in: stage.ts, ledger.ts.
 */
export class Gates {
  readonly #parts: GatesParts;
  readonly #limited: readonly Definition[];
  readonly #keepers = new Map<string, Gatekeeper>();
  /** By type, whoever keeps the gate. */
  readonly #unsettled = new Map<string, Unsettled>();

  constructor(parts: GatesParts) {
    this.#parts = parts;
    this.#limited = [...parts.definitions.values()].filter(({ limits }) => limits !== undefined);
    for (const { name } of this.#limited) this.#unsettled.set(name, new Unsettled());
  }

  /** Opens those of a partition that has just been taken. */
  attend(session: Session): Listening {
    const { partitions } = this.#parts;
    const here = this.#limited.filter(({ name }) => partitionOf(name, "gate", partitions) === session.partition);
    const keepers = here.map((definition) => {
      const unsettled = this.#unsettled.get(definition.name) as Unsettled;
      const keeper = new Gatekeeper(definition, session, { ...this.#parts, unsettled });
      this.#keepers.set(definition.name, keeper);
      return keeper;
    });
    return { close: () => keepers.forEach((keeper) => keeper.close()) };
  }

  /** A permit for the task's own commit, where its gate is in this host and gives one at once. */
  give({ address: { type, id }, session }: Activation, wish: Wish): NearPermit | undefined {
    const keeper = this.#keepers.get(type);
    return session.accepts ? keeper?.give(id, wish, () => this.#keepers.get(type)?.settled()) : undefined;
  }

  /** Of limited types whose gate is open in this host: how many tasks wait for a permit, and how many permits are out. */
  get counts(): readonly { readonly type: string; readonly waiting: number; readonly out: number }[] {
    return [...this.#keepers].flatMap(([type, { isOpen, waiting, out }]) => (isOpen ? [{ type, waiting, out }] : []));
  }

  /** Whether permits of the session's gates are in commits that are not settled. */
  hasUnsettled({ partition }: Session): boolean {
    const { partitions } = this.#parts;
    return this.#limited.some(
      ({ name }) => partitionOf(name, "gate", partitions) === partition && (this.#unsettled.get(name)?.count ?? 0) > 0,
    );
  }
}
