import type { Fault } from "./errors.ts";
import { textOf } from "./ref.ts";

const NUMBERS = [Int8Array, Int16Array, Int32Array, Uint16Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array];
const ERRORS = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];

/** What comes back as it was: no subclass of any of them does. Of an Error its name, message and cause. */
const KEPT: ReadonlySet<unknown> = new Set<unknown>([
  Date,
  RegExp,
  ArrayBuffer,
  DataView,
  Buffer,
  Uint8Array,
  Uint8ClampedArray,
  ...NUMBERS,
  ...ERRORS,
]);

/** The first part of a value that would be another once it was stored and read: where it is, and what. */
export function unstorable(value: unknown, path: string): Fault | undefined {
  return look(value, path, []);
}

function look(value: unknown, path: string, inside: readonly object[]): Fault | undefined {
  if (typeof value === "function" || typeof value === "symbol") return { path, message: `is a ${typeof value}` };
  if (typeof value !== "object" || value === null || textOf(value) !== undefined) return undefined;
  if (inside.includes(value)) return { path, message: "is a part of itself" };
  const parts = partsOf(value, path);
  if (parts === undefined) return { path, message: `is an instance of ${nameOf(value)}` };
  const within = [...inside, value];
  for (const [where, part] of parts) {
    const fault = look(part, where, within);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Undefined for what is nothing that can be kept. */
function partsOf(value: object, path: string): Iterable<readonly [path: string, part: unknown]> | undefined {
  const kind: unknown = value.constructor;
  if (kind === Map) return entriesOf(value as Map<unknown, unknown>, path);
  if (kind === Set) return [...(value as Set<unknown>)].map((item, i) => [`${path}[${i}]`, item]);
  if (kind === Array) return (value as unknown[]).map((item, i) => [`${path}[${i}]`, item]);
  if (KEPT.has(kind)) return [];
  const prototype: unknown = Object.getPrototypeOf(value);
  // Plain, also where it was made in another realm, or without a prototype.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain ? Object.entries(value).map(([key, part]) => [`${path}.${key}`, part]) : undefined;
}

function entriesOf(map: Map<unknown, unknown>, path: string): readonly (readonly [path: string, part: unknown])[] {
  return [...map].flatMap(([key, part]) => [
    [`a key of ${path}`, key],
    [`${path}.get(${typeof key === "string" || typeof key === "number" ? key : "…"})`, part],
  ]);
}

function nameOf(value: object): string {
  const { name } = (value.constructor ?? {}) as { readonly name?: unknown };
  return typeof name === "string" && name !== "" ? name : "a class";
}
