import { formatAddress, type Address } from "./core/address.ts";
import { decodeRecord } from "./core/codec.ts";
import { TroupeError } from "./core/errors.ts";
import { asRecord, type ActorRecord } from "./core/record.ts";
import type { Gateway } from "./ports/gateway.ts";
import { expiredTask } from "./task-view.ts";
import { viewOfRecord, type View } from "./view.ts";

export interface WatchOptions {
  /**
   * `now` (the default): the state as it is, then every change; of changes that follow at once some may be left out. `start`, or a
   * revision: every stored turn from there on, then every later one, none left out or twice, for types with history.
   */
  readonly from?: "now" | "start" | number;
  readonly signal?: AbortSignal;
}

/** HISTORY gets a turn a moment after it is stored; a server that has just started may need longer. */
const PATIENCE_MS = 5_000;
/** Turns that HISTORY does not have by then it has had and lost: they aged out, or somebody purged them. */
const SETTLED_MS = 60_000;
/** After so long without a single turn a type that is known by its name alone is taken for one without history. */
const FIRST_PATIENCE_MS = 1_000;
const LOOK_AGAIN_MS = 25;

/**
 * One actor's views in the order of their revisions, until its record is removed or the signal aborts. What is live tells where the
 * stored turns must reach: the gap between what was shown and what has come is filled from HISTORY, at the beginning and whenever news
 * were lost on the way, so there is no seam.
 * @throws no_answer where HISTORY falls behind: go on from the last revision; no_answer, no_connection after too long an outage
 */
export async function* watchActor(
  gateway: Gateway,
  address: Address,
  { from = "now", signal }: WatchOptions,
  hasHistory?: boolean,
): AsyncIterable<View> {
  const turns = from === "now" || hasHistory === false ? undefined : new Turns(gateway, address, hasHistory === true ? "kept" : "unknown");
  let shown = typeof from === "number" ? from - 1 : 0;
  let last: View | undefined;
  for await (const { bytes } of gateway.watch(address, signal)) {
    if (bytes === undefined) {
      // An actor's last state has been told; that a task expires is one of its states.
      if (last?.kind !== "actor") yield expiredTask(address);
      return;
    }
    const record = asRecord(decodeRecord(bytes));
    if (record.revision <= shown) continue;
    if (turns !== undefined) {
      for await (const earlier of turns.between(shown, record, signal)) {
        shown = earlier.revision;
        yield (last = viewOfRecord(address, earlier));
      }
      if (record.revision <= shown) continue;
    }
    if (signal?.aborted === true) return;
    shown = record.revision;
    yield (last = viewOfRecord(address, record));
  }
}

/** The stored turns of one actor, read forwards once. */
class Turns {
  readonly #gateway: Gateway;
  readonly #address: Address;
  #position = 0;
  #kind: "unknown" | "kept" | "none";

  constructor(gateway: Gateway, address: Address, kind: "unknown" | "kept") {
    this.#kind = kind;
    this.#gateway = gateway;
    this.#address = address;
  }

  /** Those after a revision, up to a record's own at least. What has aged out of HISTORY is left out. */
  async *between(shown: number, record: ActorRecord, signal: AbortSignal | undefined): AsyncIterable<ActorRecord> {
    if (this.#kind === "none") return;
    let reached = shown;
    const { clock } = this.#gateway;
    const startedAt = clock.monotonic();
    while (reached < record.revision - 1) {
      for await (const { sequence, bytes } of this.#gateway.turns(this.#address, this.#position, signal)) {
        const turn = asRecord((decodeRecord(bytes) as { readonly record: unknown }).record);
        // The same id may have been in use before.
        if (turn.createdAt !== record.createdAt) continue;
        this.#kind = "kept";
        // Of a large record the history has an outline, the record itself is at hand.
        if (turn.revision >= record.revision) return;
        this.#position = sequence;
        if (turn.revision <= reached) continue;
        reached = turn.revision;
        yield turn;
      }
      if (reached >= record.revision - 1 || signal?.aborted === true) return;
      const waitedMs = clock.monotonic() - startedAt;
      if (this.#kind === "unknown" && waitedMs > FIRST_PATIENCE_MS) this.#kind = "none";
      if (this.#kind !== "kept" && waitedMs > FIRST_PATIENCE_MS) return;
      if (waitedMs > PATIENCE_MS) {
        if (clock.now() - record.updatedAt > SETTLED_MS) return;
        throw behind(this.#address, reached);
      }
      await this.#gateway.attend(this.#address, new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve)));
    }
  }
}

function behind(address: Address, reached: number): TroupeError {
  const about = formatAddress(address);
  return new TroupeError("no_answer", `The history of ${about} ends at revision ${reached} for now; watch from ${reached + 1} later`, {
    about,
  });
}
