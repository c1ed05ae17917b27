import { formatAddress, type Address } from "../core/address.ts";
import { coverOf, joined } from "../core/cover.ts";
import { TroupeError } from "../core/errors.ts";
import type { Names } from "./names.ts";
import type { Reads } from "./reads.ts";

/** Whoever reads beside the owner may be overtaken by the next commit: between the cover and its parts, or in the midst of them. */
const MOST_TRIES = 20;

/** The records of CORE, as they are stored and whole. Owns nothing. Calls in: store, gateway. */
export class Records {
  readonly #reads: Reads;
  readonly #names: Names;

  constructor(reads: Reads, names: Names) {
    this.#reads = reads;
    this.#names = names;
  }

  /** As they are stored: covers in the place of those that lie in parts. @throws no_answer, no_connection, not_provisioned */
  stored(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#read(addresses.map((address) => this.#names.state(address)));
  }

  parts(address: Address, count: number): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#read(this.#partSubjects(address, count));
  }

  /**
   * The whole record that was found as `stored`, or the newest one where that has been replaced meanwhile; undefined where it has
   * been removed. @throws no_answer also for one that changes faster than it can be read
   */
  async whole(address: Address, stored: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    let found = stored;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const cover = found === undefined ? undefined : coverOf(found);
      if (cover === undefined) return found;
      // Read together with the cover there is now: one batched read sees commits whole.
      const [now, ...parts] = await this.#read([this.#names.state(address), ...this.#partSubjects(address, cover.parts)]);
      const current = now === undefined ? undefined : coverOf(now);
      const record = current === undefined ? undefined : joined(current, parts.slice(0, current.parts));
      if (record !== undefined) return record;
      found = now;
    }
    const key = formatAddress(address);
    throw new TroupeError("no_answer", `The record of ${key} changes faster than its parts can be read`, { about: key });
  }

  #partSubjects(address: Address, count: number): readonly string[] {
    return Array.from({ length: count }, (_, index) => this.#names.part(address, index));
  }

  async #read(subjects: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    const found = await this.#reads.newest(this.#names.streams.core, subjects);
    return subjects.map((subject) => found.get(subject)?.body);
  }
}
