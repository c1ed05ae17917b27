import { TroupeError } from "../core/errors.ts";
import type { Leases } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import type { Session } from "./session.ts";

export interface SuspicionParts {
  readonly host: string;
  readonly leases: Pick<Leases, "owners">;
  readonly log: Log;
  /** Until it is known, nothing follows from the partition's being ours. */
  readonly doubt: (session: Session) => void;
  /** It is another's. */
  readonly lost: (session: Session, why: TroupeError) => void;
}

/**
 * Sessions whose deliveries went astray: perhaps to another host that believes in its own claim.
 *
 * Owns: which are being looked at. Calls in: the partitions, by host.ts. Calls out: leases.
 */
export class Suspicion {
  readonly #parts: SuspicionParts;
  readonly #suspected = new Set<Session>();

  constructor(parts: SuspicionParts) {
    this.#parts = parts;
  }

  /** Looks whether the claim still holds. Two hosts that both believe in theirs would otherwise rewind each other for ever. */
  look(session: Session): void {
    const { host: self, leases, log, doubt, lost } = this.#parts;
    doubt(session);
    if (this.#suspected.has(session)) return;
    this.#suspected.add(session);
    leases
      .owners()
      .then((owners) => {
        const { fence, host } = owners[session.partition] ?? {};
        if (fence !== session.fence)
          lost(session, new TroupeError("lost_partition", `Partition ${session.partition} belongs to ${host ?? "nobody"} now`));
      })
      .catch((error: unknown) => log.warn({ host: self, err: error }, "a claim could not be looked at; its fence protects what is stored"))
      .finally(() => this.#suspected.delete(session));
  }
}
