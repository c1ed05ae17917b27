import type { Commit } from "../ports/store.ts";
import type { Link } from "./link.ts";
import { api, type Names } from "./names.ts";
import type { Reads } from "./reads.ts";

/** Long enough for HISTORY to have sourced them, with a server's restart in between. */
const KEEP_MS = 60_000;

/**
 * Turns that HISTORY has sourced are removed from CORE a minute later, by purge: expiry would leave markers that are sourced too.
 *
 * Owns: for each partition that wrote turns, marks of how far they went. Calls in: the store. A host that dies leaves turns
 * behind until the partition's next owner writes and sweeps turns of its own.
 */
export class TurnSweeper {
  readonly #link: Link;
  readonly #reads: Reads;
  readonly #names: Names;
  readonly #marks = new Map<number, { sequence: number; at: number }>();
  readonly #dirty = new Set<number>();

  readonly #keepMs: number;

  constructor(link: Link, reads: Reads, names: Names, keepMs = KEEP_MS) {
    this.#keepMs = keepMs;
    this.#link = link;
    this.#reads = reads;
    this.#names = names;
  }

  note(commit: Commit): void {
    for (const write of commit.writes) if (write.kind === "turn") this.#dirty.add(write.partition);
  }

  /** Called every second or so. @throws no_answer, no_connection */
  async sweep(partition: number): Promise<void> {
    const mark = this.#marks.get(partition);
    if (mark === undefined) {
      if (!this.#dirty.delete(partition)) return;
      await this.#mark(partition).catch((error: unknown) => {
        this.#dirty.add(partition);
        throw error;
      });
      return;
    }
    if (performance.now() - mark.at < this.#keepMs) return;
    this.#marks.delete(partition);
    await this.#link.demand(api.streamPurge(this.#names.streams.core), { filter: this.#names.turnsOf(partition), seq: mark.sequence + 1 });
  }

  async #mark(partition: number): Promise<void> {
    const own = this.#names.turnsOf(partition);
    const newest = await this.#reads.newestOne(this.#names.streams.core, own);
    if (newest !== undefined) this.#marks.set(partition, { sequence: newest.sequence, at: performance.now() });
  }
}
