import type { ErrorRecord } from "./errors.ts";
import { chanceOf, retryDelayMs, type RetryPolicy } from "./retry.ts";

/** What becomes of a child that failed. */
export type Directive = "resume" | "restart" | "stop" | "escalate";
/** Who is restarted with it: nobody, all of its group, or those that come after it. */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

export const DIRECTIVES: readonly Directive[] = ["resume", "restart", "stop", "escalate"];
export const STRATEGIES: readonly Strategy[] = ["one-for-one", "one-for-all", "rest-for-one"];

/** How a parent deals with the failures of its children. Made by `defineActor`. */
export interface Supervision {
  readonly strategy: Strategy;
  /** The group in its order: children by their id in the machine or by the name of their logic. */
  readonly members: readonly string[];
  readonly directive: Directive | ((error: ErrorRecord, child: string) => Directive);
  /** One more within the window is one too many. */
  readonly restarts: { readonly max: number; readonly withinMs: number };
  /** How long a restart waits; undefined for not at all. Grows with the restarts of the same child within the window. */
  readonly backoff: Backoff | undefined;
}

export type Backoff = Omit<RetryPolicy, "attempts">;

/** What is stored of a supervisor's work, in the record of the parent. */
export interface SupervisionRecord {
  /** Failures within the window that were answered by a restart, oldest first; never more than `restarts.max`. */
  readonly restarts: readonly Restart[];
  /** The newest failure, and what was decided. */
  readonly last: Decision;
}

export interface Restart {
  readonly child: string;
  /** Epoch ms. */
  readonly at: number;
}

export interface Decision extends Restart {
  readonly directive: Directive;
  /** Where it was no plain answer: too many restarts, or a `directive` that threw or named none. */
  readonly why?: "exhausted" | "undecided";
  readonly error: ErrorRecord;
}

/** One of the group that may be restarted: it runs, or waits for its restart. */
export interface Member {
  readonly id: string;
  readonly src: string;
  /** Tells those of one place apart, in the order in which they began. */
  readonly generation: number;
}

export interface Failure {
  readonly child: string;
  readonly error: ErrorRecord;
  /** Set aside with its last good state, or merely sent what it cannot read: it can go on. */
  readonly lives: boolean;
}

export type Verdict =
  | { readonly kind: "resume" }
  | { readonly kind: "stop" }
  | { readonly kind: "escalate" }
  /** These, in this order, after so long. */
  | { readonly kind: "restart"; readonly children: readonly string[]; readonly delayMs: number };

/**
 * What a supervisor decides about a failure, and what it remembers of it. Pure: jitter comes from `seed` (the parent's address) and the
 * count of restarts. The window slides: a restart counts until `withinMs` have passed since.
 */
export function judge(
  supervision: Supervision,
  before: SupervisionRecord | undefined,
  failure: Failure,
  members: readonly Member[],
  { now, seed }: { readonly now: number; readonly seed: string },
): { readonly verdict: Verdict; readonly record: SupervisionRecord } {
  const { max, withinMs } = supervision.restarts;
  const { child, error } = failure;
  const restarts = (before?.restarts ?? []).filter(({ at }) => at > now - withinMs);
  const asked = asks(supervision, failure);
  const decided = (directive: Directive, why?: Decision["why"]): SupervisionRecord => ({
    restarts: directive === "restart" ? [...restarts, { child, at: now }] : restarts,
    last: { child, at: now, directive, ...(why === undefined ? {} : { why }), error },
  });
  if (asked === undefined) return { verdict: { kind: "escalate" }, record: decided("escalate", "undecided") };
  if (asked !== "restart") return { verdict: { kind: asked }, record: decided(asked) };
  if (restarts.length >= max) return { verdict: { kind: "escalate" }, record: decided("escalate", "exhausted") };
  const count = restarts.filter((restart) => restart.child === child).length + 1;
  const { backoff } = supervision;
  const delayMs =
    backoff === undefined ? 0 : retryDelayMs({ ...backoff, attempts: Infinity }, count, chanceOf(`${seed} ${child}:${count}`));
  return { verdict: { kind: "restart", children: affected(supervision, child, members), delayMs }, record: decided("restart") };
}

/** Undefined where user code does not say. What has ended cannot go on: resuming it is restarting it. */
function asks({ directive }: Supervision, { child, error, lives }: Failure): Directive | undefined {
  let asked: Directive;
  try {
    asked = typeof directive === "function" ? directive(error, child) : directive;
  } catch {
    return undefined;
  }
  if (!DIRECTIVES.includes(asked)) return undefined;
  return asked === "resume" && !lives ? "restart" : asked;
}

/** Whoever is restarted with a child, itself included, in the order of the group. */
function affected({ strategy, members: order }: Supervision, child: string, members: readonly Member[]): readonly string[] {
  if (strategy === "one-for-one") return [child];
  const group = inOrder(order, members).map(({ id }) => id);
  return strategy === "one-for-all" ? group : group.slice(group.indexOf(child));
}

/** By their place in the group; those of one place, as spawned children of one logic are, in the order in which they began. */
export function inOrder(order: readonly string[], members: readonly Member[]): readonly Member[] {
  const placed = members.map((member) => ({ member, place: placeOf(order, member) }));
  return placed
    .filter(({ place }) => place >= 0)
    .sort((one, other) => one.place - other.place || one.member.generation - other.member.generation)
    .map(({ member }) => member);
}

/** An id says more than the name of a logic that many may have. -1 where it belongs to no group. */
export function placeOf(order: readonly string[], { id, src }: Pick<Member, "id" | "src">): number {
  const place = order.indexOf(id);
  return place >= 0 ? place : order.indexOf(src);
}
