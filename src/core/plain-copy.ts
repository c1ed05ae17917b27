/** It cannot be copied here: it is large, or holds what is more than text, numbers, lists and objects. */
export const NOT_PLAIN = Symbol("not plain");

/** No more than so many bytes, written down. */
export interface Allowance {
  bytes: number;
}

/**
 * The same as what comes of a value that is written down and read again, for values that are small and could be said in JSON: a copy
 * of their lists and objects costs a fifth of that.
 */
export function plainCopy(value: unknown, left: Allowance): unknown {
  switch (typeof value) {
    case "string":
      left.bytes -= value.length * MOST_BYTES_PER_UNIT + MOST_BYTES_OF_HEAD;
      break;
    case "number":
    case "boolean":
      left.bytes -= MOST_BYTES_OF_NUMBER;
      break;
    case "object":
      left.bytes -= MOST_BYTES_OF_HEAD;
      if (value === null) break;
      if (left.bytes < 0) return NOT_PLAIN;
      return Array.isArray(value) ? listCopy(value, left) : objectCopy(value, left);
    default:
      return NOT_PLAIN;
  }
  return left.bytes < 0 ? NOT_PLAIN : value;
}

const MOST_BYTES_PER_UNIT = 3;
const MOST_BYTES_OF_HEAD = 5;
const MOST_BYTES_OF_NUMBER = 9;

function listCopy(list: readonly unknown[], left: Allowance): unknown {
  const copy: unknown[] = [];
  for (const each of list) {
    const part = plainCopy(each, left);
    if (part === NOT_PLAIN) return NOT_PLAIN;
    copy.push(part);
  }
  return copy;
}

function objectCopy(object: object, left: Allowance): unknown {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return NOT_PLAIN;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    // As a name for a property of a new object it would mean something else.
    if (key === "__proto__") return NOT_PLAIN;
    left.bytes -= key.length * MOST_BYTES_PER_UNIT + MOST_BYTES_OF_HEAD;
    const part = plainCopy((object as Readonly<Record<string, unknown>>)[key], left);
    if (part === NOT_PLAIN) return NOT_PLAIN;
    copy[key] = part;
  }
  return copy;
}
