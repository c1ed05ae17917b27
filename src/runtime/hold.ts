import type { Delivery } from "../ports/mailbox.ts";

/**
 * A delivery and how many things still depend on it: the turn it caused until that is committed, an activity or a timer in memory
 * until what settled it is committed. At zero it is acknowledged, never before (invariant 5): whatever was unsettled when a
 * host died is therefore delivered again, and there is no recovery scan.
 */
export class Hold {
  readonly delivery: Delivery;
  #count = 0;

  constructor(delivery: Delivery) {
    this.delivery = delivery;
  }

  take(): void {
    this.#count++;
  }

  release(): void {
    if (--this.#count === 0) this.delivery.acknowledge();
  }
}
