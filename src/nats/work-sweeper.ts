import type { Commit } from "../ports/store.ts";
import type { Link } from "./link.ts";
import { api, type Names } from "./names.ts";
import type { Reads } from "./reads.ts";

/** Long enough for WORK to have sourced them, with a server's restart in between. */
const KEEP_MS = 60_000;

/**
 * Offers that WORK has sourced are removed from CORE a minute later, by purge: expiry would leave markers that are sourced too.
 *
 * Owns: a mark of how far the offers of this and other hosts went. Calls in: the store. A host that dies leaves offers behind until the
 * next one offers something and sweeps.
 */
export class WorkSweeper {
  readonly #link: Link;
  readonly #reads: Reads;
  readonly #names: Names;
  readonly #keepMs: number;
  #isDirty = false;
  #mark: { readonly sequence: number; readonly at: number } | undefined;

  constructor(link: Link, reads: Reads, names: Names, keepMs = KEEP_MS) {
    this.#link = link;
    this.#reads = reads;
    this.#names = names;
    this.#keepMs = keepMs;
  }

  note(commit: Commit): void {
    if (commit.writes.some((write) => write.kind === "work")) this.#isDirty = true;
  }

  /** Called every second or so. @throws no_answer, no_connection */
  async sweep(): Promise<void> {
    const { core } = this.#names.streams;
    if (this.#mark === undefined) {
      if (!this.#isDirty) return;
      const newest = await this.#reads.newestOne(core, this.#names.workFilter);
      this.#isDirty = false;
      if (newest !== undefined) this.#mark ??= { sequence: newest.sequence, at: performance.now() };
      return;
    }
    const { sequence, at } = this.#mark;
    if (performance.now() - at < this.#keepMs || !(await this.#isSourced())) return;
    this.#mark = undefined;
    await this.#link.demand(api.streamPurge(core), { filter: this.#names.workFilter, seq: sequence + 1 });
  }

  /** Whether WORK has caught up. */
  async #isSourced(): Promise<boolean> {
    const info = await this.#link.demand<{ sources?: readonly { readonly lag: number; readonly active: number }[] }>(
      api.streamInfo(this.#names.streams.work),
    );
    return info.sources?.every(({ lag, active }) => lag === 0 && active >= 0) === true;
  }
}
