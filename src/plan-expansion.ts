import { formatAddress } from "./core/address.ts";
import type { ActivityContext } from "./core/definition.ts";
import { encodeMsgpack } from "./core/codec.ts";
import { TroupeError } from "./core/errors.ts";
import type { PlannedChild } from "./core/plan-book.ts";
import type { Batch } from "./core/plan-steps.ts";
import type { PlanCursor } from "../machines/plan.ts";

/** A child, as `expand` and a rule that replaces describe it. */
export interface ChildDescription {
  /** One of the plan's kinds of children. */
  readonly kind: string;
  readonly input?: unknown;
  /** Its name within the plan, in logs and addresses. Default: its number, from 1. */
  readonly key?: string;
  /** With ordered steps: a whole number, never less than that of the child before. Default: 0. */
  readonly step?: number;
  /** With a dependency graph: keys of the children that must be done before this one begins. */
  readonly after?: readonly string[];
}

/** What `expand` yields. With a `cursor`, the next call goes on after this child instead of counting from the beginning. */
export interface YieldedChild extends ChildDescription {
  readonly cursor?: unknown;
}

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
export const MOST_BYTES = 128 * 1024;
/** Generators that wait for their plan to have room again. */
const MOST_WAITING = 64;

/**
 * Calls of a plan's `expand`: each brings a batch, and the generator then waits here for the next. One that is not here any more, or
 * stands elsewhere than the plan's record says, is made again from the stored cursor: the record is the truth, this only saves work.
 *
 * Owns: the generators that wait. Calls in: the activity `plan.expand`.
 * E1. A generator goes on only for the plan that it was made for, from exactly where that plan's record is.
 * E2. No more than MOST_WAITING wait; the one that has waited longest is closed.
 */
export class Expansion {
  readonly #expand: Expand;
  readonly #kinds: ReadonlySet<string>;
  readonly #waiting = new Map<string, Opened>();

  constructor(expand: Expand, kinds: ReadonlySet<string>) {
    this.#expand = expand;
    this.#kinds = kinds;
  }

  async batch(context: ActivityContext<ExpandInput>): Promise<Batch> {
    const key = formatAddress(context.actor);
    const { cursor } = context.input;
    const opened = (await this.#taken(key, context)) ?? (await this.#opened(context));
    const children: PlannedChild[] = [];
    let { at, past, count } = cursor;
    for (let bytes = 0; children.length < MOST_CHILDREN && bytes < MOST_BYTES;) {
      const next = await opened.yields.next();
      if (next.done === true) return { children, cursor: { at, past, count }, isOver: true };
      context.signal.throwIfAborted();
      const child = this.#checked(next.value, ++count, key);
      children.push(child);
      bytes += child.size;
      if (next.value.cursor === undefined) past++;
      else [at, past] = [next.value.cursor, 0];
    }
    await this.#keep(key, { ...opened, count });
    return { children, cursor: { at, past, count }, isOver: false };
  }

  /** The plan has ended, or goes on elsewhere. */
  async close(key: string): Promise<void> {
    const opened = this.#waiting.get(key);
    this.#waiting.delete(key);
    await opened?.yields.return?.();
  }

  async #taken(key: string, context: ActivityContext<ExpandInput>): Promise<Opened | undefined> {
    const opened = this.#waiting.get(key);
    if (opened === undefined) return undefined;
    if (opened.count !== context.input.cursor.count || opened.count === 0) {
      await this.close(key);
      return undefined;
    }
    this.#waiting.delete(key);
    opened.context.goOn(context);
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

  async #keep(key: string, opened: Opened): Promise<void> {
    await this.close(key);
    this.#waiting.set(key, opened);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) await this.close(oldest);
  }

  #checked(yielded: YieldedChild, number: number, about: string): PlannedChild {
    return plannedChild(yielded, String(number), this.#kinds, about);
  }
}

interface Opened {
  readonly yields: Yields;
  readonly context: Expanding;
  /** How many children its plan knows when it goes on. */
  readonly count: number;
}

const MOST_KEY_CHARS = 200;
const MOST_INPUT_BYTES = 256 * 1024;

/** @throws bad_plan for a description that makes no child */
export function plannedChild(described: ChildDescription, defaultKey: string, kinds: ReadonlySet<string>, about: string): PlannedChild {
  const refuse = (key: string, message: string): never => {
    const faults = [{ path: key, message }];
    throw new TroupeError("bad_plan", `The children of ${about} cannot be run: "${key}" ${message}`, { about, faults });
  };
  if (typeof described !== "object" || described === null) return refuse(defaultKey, "must be an object with a kind");
  const { kind, input, key = defaultKey, step, after } = described;
  if (typeof key !== "string" || key === "" || key.length > MOST_KEY_CHARS || key === "__proto__" || key.startsWith("plan."))
    return refuse(key, `must have a key of 1 to ${MOST_KEY_CHARS} characters that does not begin with "plan."`);
  if (!kinds.has(kind)) return refuse(key, `is of the unknown kind "${kind}"; this plan has ${[...kinds].join(", ")}`);
  if (step !== undefined && !(Number.isSafeInteger(step) && step >= 0)) return refuse(key, "must have a whole number as its step");
  if (after !== undefined && !(Array.isArray(after) && after.every((other) => typeof other === "string")))
    return refuse(key, "must name the children that it comes after by their keys");
  const size = key.length + kind.length + encodeMsgpack({ input, after }).length;
  if (size > MOST_INPUT_BYTES)
    return refuse(key, `takes ${size} bytes; at most ${MOST_INPUT_BYTES} can be stored: give it a reference instead`);
  return {
    key,
    kind,
    input,
    size,
    ...(step === undefined ? {} : { step }),
    ...(after === undefined ? {} : { after: [...new Set(after)] }),
  };
}

/** One generator's context over many attempts: its signal is that of the attempt that runs. */
class Expanding implements ExpandContext<unknown, unknown> {
  #attempt: ActivityContext<ExpandInput>;
  readonly cursor: unknown;

  constructor(attempt: ActivityContext<ExpandInput>) {
    this.#attempt = attempt;
    this.cursor = attempt.input.cursor.at ?? undefined;
  }

  goOn(attempt: ActivityContext<ExpandInput>): void {
    this.#attempt = attempt;
  }

  get input(): unknown {
    return this.#attempt.input.input;
  }
  get prepared(): unknown {
    return this.#attempt.input.prepared;
  }
  get actor(): ActivityContext["actor"] {
    return this.#attempt.actor;
  }
  get attempt(): number {
    return this.#attempt.attempt;
  }
  get epoch(): number {
    return this.#attempt.epoch;
  }
  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
  get progress(): ActivityContext["progress"] {
    return this.#attempt.progress;
  }
  get heartbeat(): ActivityContext["heartbeat"] {
    return this.#attempt.heartbeat;
  }
  get log(): ActivityContext["log"] {
    return this.#attempt.log;
  }
}
