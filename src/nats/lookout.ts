import { START_LANES, type Address } from "../core/address.ts";
import { partitionOf } from "../core/placement.ts";
import type { Answers } from "./answers.ts";
import { Horizon } from "./horizon.ts";
import type { Layout } from "./layout.ts";
import type { Names } from "./names.ts";
import type { Quorum } from "./quorum.ts";
import { Reads } from "./reads.ts";
import { Records } from "./records.ts";

interface LookoutParts {
  readonly answers: Answers;
  readonly quorum: Quorum;
  readonly names: Names;
  readonly layout: Layout;
}

/**
 * What programs that run no actors see of what is stored. They are asked for what others have just written, of which they know nothing, so
 * they ask the leader. With copies, one that is cut off answers for up to 20 s as if it led: what it still shows is
 * late, but what it does not show is no proof that it is not there.
 *
 * Owns: nothing. Calls in: gateway.ts.
 * V1. Nothing is called absent before a leader with a majority behind it has been heard of since, within `Quorum`'s bounds.
 */
export class Lookout {
  readonly #parts: LookoutParts;
  readonly #reads: Reads;
  readonly #records: Records;

  constructor(parts: LookoutParts) {
    this.#parts = parts;
    this.#reads = new Reads(parts.answers, parts.layout.replicas);
    this.#records = new Records(this.#reads, parts.names);
  }

  /** The stored record, whole; undefined where there is none. @throws no_answer, no_connection, not_provisioned */
  async record(address: Address): Promise<Uint8Array | undefined> {
    const found = await recordIn(this.#records, address);
    return found === undefined && this.#hasCopies ? this.#recordAnywhere(address) : found;
  }

  /** The record that was found as `stored`, whole, or the newest one. @throws as `record` */
  whole(address: Address, stored: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#records.whole(address, stored);
  }

  /** Whether a start of the actor is on its way in. @throws as `record` */
  async awaits(address: Address): Promise<boolean> {
    const { names, layout, quorum } = this.#parts;
    const partition = partitionOf(address.type, address.id, layout.partitions);
    const way = START_LANES.map((lane) => names.storedIn(partition, lane, address));
    const isThere = async (): Promise<boolean> => (await this.#reads.newest(names.streams.in, way)).size > 0;
    if (await isThere()) return true;
    if (!this.#hasCopies) return false;
    // Nothing is certain to lie in IN, so no copy can say how far it has come; but whether the leader is one can be asked.
    await quorum.reached(names.streams.in);
    return isThere();
  }

  /** Of any copy that has come as far as a leader with a majority behind it. */
  async #recordAnywhere(address: Address): Promise<Uint8Array | undefined> {
    const { answers, names, layout, quorum } = this.#parts;
    const horizon = new Horizon(names.landmarks);
    horizon.heard(names.streams.core, await quorum.reached(names.streams.core));
    return recordIn(new Records(new Reads(answers, layout.replicas, horizon), names), address);
  }

  get #hasCopies(): boolean {
    return this.#parts.layout.replicas > 1;
  }
}

async function recordIn(records: Records, address: Address): Promise<Uint8Array | undefined> {
  const [stored] = await records.stored([address]);
  return records.whole(address, stored);
}
