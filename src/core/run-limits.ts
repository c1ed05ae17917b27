import { TroupeError, type Fault } from "./errors.ts";

/**
 * How many attempts of one type may run in the whole cluster, and how many may begin. Whoever has reached a limit waits in `undo`. A
 * deployment may tune the numbers without a new version: those of whoever owns the type's gate hold.
 */
export interface RunLimits<TInput = unknown> extends Limit {
  /** Whose work it is (a tenant, a customer), by its input, in at most 256 bytes: keys take turns. Pure. */
  readonly key?: (input: TInput) => string;
  /** The same for every key by itself. */
  readonly perKey?: Limit;
}

export interface Limit {
  /** Attempts at once, from 1. */
  readonly atOnce?: number;
  /** Attempts that may begin in a second, more than 0: 0.1 is one in ten seconds. A pause saves up a second's worth, at least one. */
  readonly perSecond?: number;
}

const MOST_KEY_BYTES = 256;
const MOST_AT_ONCE = 1_000_000;
const MOST_PER_SECOND = 1_000_000;

export function faultsOfRunLimits(limits: RunLimits<never> | undefined): readonly Fault[] {
  if (limits === undefined) return [];
  if (typeof limits !== "object" || limits === null) return [{ path: "limits", message: "must be an object such as { atOnce: 5 }" }];
  const { key, perKey } = limits;
  const faults = [...faultsOfLimit(limits, "limits"), ...faultsOfLimit(perKey ?? {}, "limits.perKey")];
  if (key !== undefined && typeof key !== "function") faults.push({ path: "limits.key", message: "must be a function of the input" });
  if (perKey !== undefined && key === undefined)
    faults.push({ path: "limits.key", message: "is needed: perKey limits every key by itself" });
  if (faults.length === 0 && isNoLimit(limits) && isNoLimit(perKey ?? {}))
    faults.push({ path: "limits", message: "limits nothing: give atOnce or perSecond" });
  return faults;
}

/** @throws bad_payload where the function throws, or does not return a key */
export function keyOf({ key }: RunLimits<never>, input: unknown, about: string): string {
  if (key === undefined) return "";
  let found: unknown;
  try {
    found = key(input as never);
  } catch (cause) {
    throw new TroupeError("bad_payload", `The limits' key of ${about} cannot be told: ${(cause as Error).message}`, { about, cause });
  }
  if (typeof found === "string" && Buffer.byteLength(found) <= MOST_KEY_BYTES) return found;
  throw new TroupeError("bad_payload", `The limits' key of ${about} must be text of at most ${MOST_KEY_BYTES} bytes`, { about });
}

function faultsOfLimit({ atOnce, perSecond }: Limit, path: string): Fault[] {
  const faults: Fault[] = [];
  if (atOnce !== undefined && !(Number.isInteger(atOnce) && atOnce >= 1 && atOnce <= MOST_AT_ONCE))
    faults.push({ path: `${path}.atOnce`, message: `must be a whole number from 1 to ${MOST_AT_ONCE}, not ${String(atOnce)}` });
  if (perSecond !== undefined && !(Number.isFinite(perSecond) && perSecond > 0 && perSecond <= MOST_PER_SECOND))
    faults.push({ path: `${path}.perSecond`, message: `must be a number above 0, at most ${MOST_PER_SECOND}, not ${String(perSecond)}` });
  return faults;
}

function isNoLimit({ atOnce, perSecond }: Limit): boolean {
  return atOnce === undefined && perSecond === undefined;
}
