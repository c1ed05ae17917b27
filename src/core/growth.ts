/** Looked at so many values and still not done: writing it down is the quicker way to know. */
const MOST_VALUES = 256;
/** The longest number, and what stands before a string, a list or a map. */
const SCALAR_BYTES = 9;
const HEAD_BYTES = 5;
const MOST_BYTES_PER_CHAR = 3;

/**
 * By how many bytes `after` can be longer than `before` once both are written down, at most, where `before` is known to be writable.
 * Undefined where only writing it down can tell: it holds more than numbers, strings, lists and plain objects, or too much is new.
 * Parts that are the same object are the same: a value that user code changed in place is found out by whoever writes it down.
 */
export function growthOf(before: unknown, after: unknown): number | undefined {
  const look = { left: MOST_VALUES };
  const bytes = growth(before, after, look);
  return look.left > 0 && bytes < Infinity ? bytes : undefined;
}

function growth(before: unknown, after: unknown, look: { left: number }): number {
  if (before === after) return 0;
  if (--look.left <= 0) return Infinity;
  switch (typeof after) {
    case "number":
    case "boolean":
    case "undefined":
      return SCALAR_BYTES;
    case "string":
      return HEAD_BYTES + after.length * MOST_BYTES_PER_CHAR;
    case "object":
      break;
    default:
      return Infinity;
  }
  if (after === null) return SCALAR_BYTES;
  if (Array.isArray(after)) return growthOfList(Array.isArray(before) ? before : [], after, look);
  if (Object.getPrototypeOf(after) !== Object.prototype || "toJSON" in after) return Infinity;
  return growthOfMap(isPlain(before) ? before : {}, after as Plain, look);
}

function growthOfList(before: readonly unknown[], after: readonly unknown[], look: { left: number }): number {
  let bytes = HEAD_BYTES;
  for (let i = 0; i < after.length && look.left > 0; i++) bytes += growth(i < before.length ? before[i] : NEW, after[i], look);
  return bytes;
}

function growthOfMap(before: Plain, after: Plain, look: { left: number }): number {
  let bytes = HEAD_BYTES;
  for (const key in after) {
    const was = before[key];
    const is = after[key];
    if (was === is && was !== undefined) continue;
    if (was === undefined) bytes += HEAD_BYTES + key.length * MOST_BYTES_PER_CHAR;
    bytes += growth(was === undefined ? NEW : was, is, look);
    if (look.left <= 0) return Infinity;
  }
  return bytes;
}

type Plain = Readonly<Record<string, unknown>>;

/** Equal to nothing. */
const NEW = Symbol("new");

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
