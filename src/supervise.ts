import { parseDuration, type Duration } from "./core/duration.ts";
import type { ErrorRecord, Fault } from "./core/errors.ts";
import { DEFAULT_RETRY, faultsOfRetry } from "./core/retry.ts";
import { DIRECTIVES, STRATEGIES, type Backoff, type Directive, type Strategy, type Supervision } from "./core/supervision.ts";

/** What becomes of an actor's children that fail: a throwing machine, work out of attempts, an end in error, a letter they cannot read. */
export interface SuperviseOptions {
  /** Whether others are restarted with a child. Default: `one-for-one`. */
  readonly strategy?: Strategy;
  /** The group, in the order in which it is restarted: ids of children, or names of logic. Default: all, as `setup({ actors })` has them. */
  readonly children?: readonly string[];
  /** What becomes of a child that failed, or a pure function that says it. Default: `restart`. */
  readonly directive?: Directive | ((error: ErrorRecord, child: string) => Directive);
  /** One restart more than `max` (at most 1,000) within the window is escalated. Default: 3 within a minute. */
  readonly restarts?: { readonly max?: number; readonly within?: Duration };
  /** How long restarts wait; fields as in `retry`. Default: not at all. */
  readonly backoff?: Partial<Backoff>;
}

/** Whom an actor may supervise. */
interface Family {
  /** What it may start, by name. */
  readonly order: readonly string[];
  /** Under which ids, as far as is known. */
  readonly ids: ReadonlySet<string>;
  readonly path: "" | "supervise.";
}

const DEFAULT_MAX = 3;
/** All of them are in the parent's record. */
const MOST_RESTARTS = 1_000;
const DEFAULT_WITHIN = "1m";
const YEAR_MS = 365 * 24 * 3_600_000;

/** A supervision from its options, and what is wrong with them, field by field after `path`. */
export function supervisionOf(
  { strategy = "one-for-one", children, directive = "restart", restarts = {}, backoff }: SuperviseOptions,
  { order, ids, path }: Family,
): { readonly supervision: Supervision; readonly faults: readonly Fault[] } {
  const { max = DEFAULT_MAX, within = DEFAULT_WITHIN } = restarts;
  const faults: Fault[] = [];
  const demand = (field: string, holds: boolean, message: string) => holds || faults.push({ path: path + field, message });
  demand("strategy", STRATEGIES.includes(strategy), `must be ${oneOf(STRATEGIES)}, not ${JSON.stringify(strategy)}`);
  const isDirective = typeof directive === "function" || DIRECTIVES.includes(directive);
  demand("directive", isDirective, `must be ${oneOf(DIRECTIVES)}, or a function, not ${JSON.stringify(directive)}`);
  children?.forEach((name, i) => {
    demand(
      `children.${i}`,
      order.includes(name) || ids.has(name),
      `names ${JSON.stringify(name)}, which is no child: give ids of children or names of logic`,
    );
    demand(`children.${i}`, children.indexOf(name) === i, `names ${JSON.stringify(name)} a second time`);
  });
  const isCount = Number.isInteger(max) && max >= 0 && max <= MOST_RESTARTS;
  demand("restarts.max", isCount, `must be a whole number from 0 to ${MOST_RESTARTS}, not ${JSON.stringify(max)}`);
  const withinMs = parseDuration(within);
  const isWindow = withinMs !== undefined && withinMs >= 1 && withinMs <= YEAR_MS;
  demand("restarts.within", isWindow, `must be a duration from 1 ms to a year, such as "1m", not ${JSON.stringify(within)}`);
  const { attempts: _attempts, ...standard } = DEFAULT_RETRY;
  const waits = backoff === undefined ? undefined : { ...standard, ...backoff };
  if (waits !== undefined) faults.push(...faultsOfRetry({ ...waits, attempts: 1 }, `${path}backoff`));
  return {
    supervision: { strategy, members: children ?? order, directive, restarts: { max, withinMs: withinMs ?? 0 }, backoff: waits },
    faults,
  };
}

function oneOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
