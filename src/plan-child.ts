import { encodeMsgpack } from "./core/codec.ts";
import { TroupeError } from "./core/errors.ts";
import type { PlannedChild } from "./core/plan-book.ts";

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

/** What children that become known together may take in their plan's record. */
export const MOST_BYTES = 128 * 1024;
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
