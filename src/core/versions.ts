import type { StateValue } from "xstate";

/**
 * Versions of a definition: whole numbers with dots between them (`1`, `4`, `2.10`), compared part by part, so that of two hosts with
 * different versions it is known which one is older.
 */
const VERSION = /^\d+(\.\d+)*$/;

export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Negative where `one` is older than `other`, 0 where they are the same (`1` and `1.0`), positive where it is newer. */
export function compareVersions(one: string, other: string): number {
  const left = one.split(".");
  const right = other.split(".");
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What a migration is given and gives back: the parts of a stored actor that belong to its machine. */
export interface StoredSnapshot {
  readonly value: StateValue;
  // oxlint-disable-next-line typescript/no-explicit-any -- what an earlier version kept has a type that nobody has any more
  readonly context: any;
  /** Which states history states remember, by the id of the history state. */
  readonly historyValue?: Readonly<Record<string, readonly { readonly id: string }[]>>;
}

/** From the version that it is registered for to the next. Pure: it may run more than once, and in `troupe check`. */
export type Migrate = (snapshot: StoredSnapshot) => StoredSnapshot;

export interface Migration {
  readonly from: string;
  readonly migrate: Migrate;
}

/** The way from one version to another: whatever is registered from the first on, in order. Versions in between without one changed nothing. */
export function chainOf(migrations: readonly Migration[], from: string, to: string): readonly Migration[] {
  return migrations
    .filter((each) => compareVersions(each.from, from) >= 0 && compareVersions(each.from, to) < 0)
    .toSorted((one, other) => compareVersions(one.from, other.from));
}
