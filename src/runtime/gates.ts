import type { Definition } from "../core/definition.ts";
import { partitionOf } from "../core/placement.ts";
import type { Listening } from "../ports/work.ts";
import { Gatekeeper, type GatekeeperParts } from "./gatekeeper.ts";
import type { Session } from "./session.ts";

export interface GatesParts extends GatekeeperParts {
  readonly definitions: ReadonlyMap<string, Definition>;
}

/** The gates of limited types that belong to this host's partitions. A type's gate is where an actor of that type with the id `gate` would be. */
export class Gates {
  readonly #parts: GatesParts;
  readonly #limited: readonly Definition[];

  constructor(parts: GatesParts) {
    this.#parts = parts;
    this.#limited = [...parts.definitions.values()].filter(({ limits }) => limits !== undefined);
  }

  /** Opens those of a partition that has just been taken. */
  attend(session: Session): Listening {
    const { partitions } = this.#parts;
    const here = this.#limited.filter(({ name }) => partitionOf(name, "gate", partitions) === session.partition);
    const keepers = here.map((definition) => new Gatekeeper(definition, session, this.#parts));
    return { close: () => keepers.forEach((keeper) => keeper.close()) };
  }
}
