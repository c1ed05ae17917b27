import type { Session } from "./session.ts";

/** Permits of one type that are in commits of this host's actors, and of which nobody knows yet whether they are stored. */
export class Unsettled {
  count = 0;
}

/**
 * A permit that the gate of this host has given to a task of this host, with no way over the store between them: it is part of the
 * task's own commit, which is made under the gate's fence too. Settled once: when it is known to be stored, or never will be.
 */
export class NearPermit {
  /** The gate's. */
  readonly session: Session;
  readonly #unsettled: Unsettled;
  readonly #settled: (isStored: boolean) => void;
  #isSettled = false;

  constructor(session: Session, unsettled: Unsettled, settled: (isStored: boolean) => void) {
    this.session = session;
    this.#unsettled = unsettled;
    this.#settled = settled;
    unsettled.count++;
  }

  /** Or perhaps stored, by a session that has ended: whoever has the gate next is told. */
  stored(): void {
    this.#settle(true);
  }

  /** It was never stored, and will not be. */
  back(): void {
    this.#settle(false);
  }

  #settle(isStored: boolean): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#unsettled.count--;
    this.#settled(isStored);
  }
}
