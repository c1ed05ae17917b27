import type { Address } from "../core/address.ts";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Hold } from "./hold.ts";
import type { Session } from "./session.ts";

export interface EarlyParts {
  readonly mailbox: Mailbox;
  readonly clock: Clock;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** Whether the actor is in memory by now. */
  readonly isLoaded: (key: string) => boolean;
  readonly hand: (session: Session, definition: Definition, hold: Hold) => void;
  readonly dead: (session: Session, hold: Hold, error: TroupeError) => void;
  readonly lost: (session: Session, why: TroupeError) => void;
}

/** How often events that wait for a start look whether it is still on its way. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Events for actors that do not exist yet: kept where a start is on its way, otherwise dead letters (invariant 12).
 *
 * Owns: the events that wait. Calls in: entrance.ts, dead-letters.ts (`look`), stage.ts (`forget`). Calls out: `hand`, `dead`.
 * Y1. What waits is handed over in order, before anything that came later.
 */
export class Early {
  readonly #parts: EarlyParts;
  readonly #waiting = new Map<string, Hold[]>();

  constructor(parts: EarlyParts) {
    this.#parts = parts;
  }

  /** What waited for this actor; it waits no longer. */
  take(key: string): readonly Hold[] {
    const holds = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    return holds;
  }

  forget(partition: number): void {
    for (const [key, holds] of this.#waiting) if (holds.some((hold) => hold.delivery.partition === partition)) this.#waiting.delete(key);
  }

  async wait(session: Session, address: Address, events: readonly Hold[]): Promise<void> {
    const key = `${address.type}/${address.id}`;
    this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), ...events]);
    try {
      if (await this.#parts.mailbox.awaits(address)) {
        this.#parts.clock.after(LOOK_AGAIN_MS, () => this.look(session, address));
        return;
      }
    } catch (cause) {
      this.#parts.lost(session, new TroupeError("no_answer", `Whether ${key} is on its way could not be found out`, { about: key, cause }));
      return;
    }
    if (!session.open || this.#parts.isLoaded(key)) return;
    for (const hold of this.take(key))
      this.#parts.dead(session, hold, new TroupeError("unknown_id", `There is no actor ${key}`, { about: key }));
  }

  /** The start may have come to nothing. */
  look(session: Session, { type, id }: Address): void {
    const key = `${type}/${id}`;
    const definition = this.#parts.definitions.get(type);
    if (!session.open || definition === undefined || !this.#waiting.has(key) || this.#parts.isLoaded(key)) return;
    for (const hold of this.take(key)) this.#parts.hand(session, definition, hold);
  }
}
