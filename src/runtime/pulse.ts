import { TroupeError } from "../core/errors.ts";
import { beatIntervalMs, isTrusted, termFrom, type LeaseTerm } from "../core/lease.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases, Sign } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";

export interface PulseParts {
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Log;
  readonly sign: () => Sign;
  readonly hasLeft: () => boolean;
  /** Others may take this host's partitions soon: everything of them must be dropped. */
  readonly cutOff: (why: TroupeError) => void;
}

const TRUST_CHECKS_PER_TTL = 10;

/**
 * A host's signs of life, and how long it may believe in its leases after each.
 *
 * Owns: the term of trust. Calls in: host.ts. Calls out: leases, `cutOff`.
 * P1. Trust is counted from before a sign of life was sent, and ends a margin before others may believe the host dead.
 * P2. Whoever cannot give signs of life is told within a tenth of their time to live after trust has ended, before others may claim.
 * P3. Whoever is cut off hears somebody first and speaks then: of a host that is heard and does not hear, others would believe that it
 *     lives, and leave their partitions to it.
 */
export class Pulse {
  readonly #parts: PulseParts;
  #term: LeaseTerm = { trustedUntil: -Infinity };
  #isBeating = false;
  #regainedAt = -Infinity;
  #failure: TroupeError | undefined;
  /** Why the last sign of life was not stored, if one was not. */
  #unheard: unknown;

  constructor(parts: PulseParts) {
    this.#parts = parts;
  }

  get isTrusted(): boolean {
    return isTrusted(this.#term, this.#parts.clock.monotonic());
  }

  /** Why it is cut off; undefined while it is not. */
  get failure(): TroupeError | undefined {
    return this.isTrusted ? undefined : this.#failure;
  }

  /** How long it has not been cut off. */
  get steadyForMs(): number {
    return this.#parts.clock.monotonic() - this.#regainedAt;
  }

  /** One sign of life now. @throws when it could not be stored */
  async beat(): Promise<void> {
    const { clock, leases, log, sign } = this.#parts;
    // P3.
    if (this.#failure !== undefined) await leases.owners();
    const sentAt = clock.monotonic();
    await leases.beat(sign());
    this.#unheard = undefined;
    this.#term = termFrom(sentAt, leases.ttlMs);
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#regainedAt = clock.monotonic();
    log.warn({ host: sign().host }, "signs of life are heard again; partitions are claimed anew");
  }

  /** From now on, until the host has left. */
  goOn(): void {
    const { ttlMs } = this.#parts.leases;
    this.#every(beatIntervalMs(ttlMs), () => this.#beatAgain());
    this.#every(ttlMs / TRUST_CHECKS_PER_TTL, () => this.#watchTrust());
  }

  #every(everyMs: number, action: () => void): void {
    const { clock, hasLeft } = this.#parts;
    const alarm = clock.every(everyMs, () => (hasLeft() ? alarm.cancel() : action()));
  }

  /** One at a time: what a slow server answers late must not pile up. */
  #beatAgain(): void {
    if (this.#isBeating) return;
    const { log, sign } = this.#parts;
    this.#isBeating = true;
    this.beat()
      .catch((error: unknown) => {
        this.#unheard = error;
        log.warn({ host: sign().host, err: error }, "a sign of life was not heard");
      })
      .finally(() => (this.#isBeating = false));
  }

  #watchTrust(): void {
    if (this.isTrusted) return;
    const { log, sign, cutOff } = this.#parts;
    const { host } = sign();
    if (this.#failure === undefined) {
      const words = `Host ${host} could not give a sign of life; its partitions may be another's`;
      this.#failure = new TroupeError("cut_off", words, { about: host, cause: this.#unheard });
      log.error(
        { host, code: this.#failure.code, err: this.#unheard },
        `${this.#failure.message}: nothing is begun until one is heard again`,
      );
    }
    cutOff(this.#failure);
  }
}
