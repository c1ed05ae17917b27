import { formatAddress } from "./core/address.ts";
import type { ActivityContext } from "./core/definition.ts";
import type { PlannedChild } from "./core/plan-book.ts";
import type { Batch } from "./core/plan-steps.ts";
import type { PlanCursor } from "../machines/plan-context.ts";
import { PlanAttempt } from "./plan-attempt.ts";
import { MOST_BYTES, plannedChild, type YieldedChild } from "./plan-child.ts";

type Yields = AsyncIterator<YieldedChild> | Iterator<YieldedChild>;

/** What `expand` gets instead of a plain context: `cursor` is undefined in the beginning. */
export interface ExpandContext<TInput, TPrepared> extends ActivityContext<TInput> {
  readonly prepared: TPrepared;
  readonly cursor: unknown;
}

export type Expand = (context: ExpandContext<unknown, unknown>) => AsyncIterable<YieldedChild> | Iterable<YieldedChild>;

export interface ExpandInput {
  readonly input: unknown;
  readonly prepared: unknown;
  readonly cursor: PlanCursor;
}

const MOST_CHILDREN = 256;
/** Generators that wait for their plan to have room again, and for how long: they may keep a folder or a cursor of a database open. */
const MOST_WAITING = 64;
const LONGEST_WAIT_MS = 60_000;

/**
 * Calls of a plan's `expand`: each brings a batch, and the generator then waits here for the next. One that is not here any more, or
 * stands elsewhere than the plan's record says, is made again from the stored cursor: the record is the truth, this only saves work.
 *
 * Owns: the generators that wait. Calls in: the activity `plan.expand`.
 * E1. A generator goes on only for the plan that it was made for, from exactly where that plan's record is.
 * E2. No more than MOST_WAITING wait, none for longer than LONGEST_WAIT_MS; what leaves unfinished is closed.
 */
export class Expansion {
  readonly #expand: Expand;
  readonly #kinds: ReadonlySet<string>;
  readonly #waiting = new Map<string, { readonly opened: Opened; readonly limit: NodeJS.Timeout }>();

  constructor(expand: Expand, kinds: ReadonlySet<string>) {
    this.#expand = expand;
    this.#kinds = kinds;
  }

  async batch(context: ActivityContext<ExpandInput>): Promise<Batch> {
    const key = formatAddress(context.actor);
    const opened = this.#taken(key, context) ?? (await this.#opened(context));
    try {
      return await this.#read(key, opened, context);
    } catch (error) {
      close(opened);
      throw error;
    }
  }

  async #read(key: string, opened: Opened, { input: { cursor }, signal }: ActivityContext<ExpandInput>): Promise<Batch> {
    const children: PlannedChild[] = [];
    let { at, past, count } = cursor;
    for (let bytes = 0; children.length < MOST_CHILDREN && bytes < MOST_BYTES;) {
      const next = await opened.yields.next();
      if (next.done === true) return { children, cursor: { at, past, count }, isOver: true };
      signal.throwIfAborted();
      const child = plannedChild(next.value, String(++count), this.#kinds, key);
      children.push(child);
      bytes += child.size;
      if (next.value.cursor === undefined) past++;
      else [at, past] = [next.value.cursor, 0];
    }
    this.#keep(key, { ...opened, count });
    return { children, cursor: { at, past, count }, isOver: false };
  }

  #drop(key: string): void {
    const opened = this.#leave(key);
    if (opened !== undefined) close(opened);
  }

  #leave(key: string): Opened | undefined {
    const waiting = this.#waiting.get(key);
    clearTimeout(waiting?.limit);
    this.#waiting.delete(key);
    return waiting?.opened;
  }

  #taken(key: string, context: ActivityContext<ExpandInput>): Opened | undefined {
    const { count } = context.input.cursor;
    if (count === 0 || this.#waiting.get(key)?.opened.count !== count) {
      this.#drop(key);
      return undefined;
    }
    const opened = this.#leave(key);
    opened?.context.goOn(context);
    return opened;
  }

  async #opened(attempt: ActivityContext<ExpandInput>): Promise<Opened> {
    const { past, count } = attempt.input.cursor;
    const context = new Expanding(attempt);
    const made = this.#expand(context);
    const yields: Yields = Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]();
    for (let i = 0; i < past; i++) await yields.next();
    return { yields, context, count };
  }

  #keep(key: string, opened: Opened): void {
    this.#drop(key);
    this.#waiting.set(key, { opened, limit: setTimeout(() => this.#drop(key), LONGEST_WAIT_MS).unref() });
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) this.#drop(oldest);
  }
}

interface Opened {
  readonly yields: Yields;
  readonly context: Expanding;
  /** How many children its plan knows when it goes on. */
  readonly count: number;
}

/** What a generator does when it is closed is its own affair: nobody waits for it. */
function close({ yields, context }: Opened): void {
  void (async () => yields.return?.())().catch((error: unknown) => {
    context.log.warn({ err: error }, "a generator of children threw when it was closed");
  });
}

/** One generator's context over many attempts: its signal is that of the attempt that runs. */
class Expanding extends PlanAttempt<ExpandInput> implements ExpandContext<unknown, unknown> {
  readonly cursor: unknown;

  constructor(running: ActivityContext<ExpandInput>) {
    super(running);
    this.cursor = running.input.cursor.at ?? undefined;
  }

  goOn(running: ActivityContext<ExpandInput>): void {
    this.running = running;
  }
}
