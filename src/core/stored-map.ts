import { addExtension } from "msgpackr";

/**
 * A Map on its way through msgpackr, which says it like an object, so that it would come back as one, or, with a key that is no text,
 * not at all. In msgpack: extension 77, and after it a list of keys and values in turn.
 */
class StoredMap {
  readonly flat: readonly unknown[];
  constructor(flat: readonly unknown[]) {
    this.flat = flat;
  }
}

const EXTENSION = 77;

addExtension({
  Class: StoredMap,
  type: EXTENSION,
  write: ({ flat }: StoredMap) => flat,
  read: (flat: unknown) => {
    if (!Array.isArray(flat) || flat.length % 2 !== 0) throw new TypeError("a stored Map is no list of keys and values");
    const map = new Map<unknown, unknown>();
    for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i], flat[i + 1]);
    return map;
  },
});

/** The same value with every Map in lists, plain objects, sets and maps made ready to be written down. */
export function withStoredMaps(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Map) return new StoredMap([...value].flat().map(withStoredMaps));
  if (value instanceof Set) return new Set([...value].map(withStoredMaps));
  if (Array.isArray(value)) return value.map(withStoredMaps);
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withStoredMaps(part)]));
}
