import type { AnyActorLogic } from "xstate";

/** A machine and what happens to it: events by object, time in milliseconds. */
export interface Scene {
  readonly name: string;
  /** Made anew for every playing; `act` is for its custom actions. */
  readonly machine: (act: (words: string) => void) => AnyActorLogic;
  readonly input?: unknown;
  /** States are compared only where time has passed: in between messages are under way. */
  readonly isSlow?: true;
  /** It holds logic that begins anew with every host, and says so: as documented. */
  readonly isRestarted?: true;
  /** Its custom actions send: whoever dies right after one has sent, does it again, as documented. */
  readonly isRepeated?: true;
  readonly steps: readonly (number | { readonly type: string; readonly [field: string]: unknown })[];
}

/** What a playing shows: every actor after every step, what each heard in which order, what left. */
export interface Story {
  readonly states: readonly unknown[];
  /** By the actor's path: `root/kid`. */
  readonly heard: Readonly<Record<string, readonly string[]>>;
  readonly emitted: Readonly<Record<string, readonly unknown[]>>;
  readonly acted: readonly string[];
  readonly logged: Readonly<Record<string, readonly unknown[]>>;
}

export interface Told {
  readonly heard: Map<string, string[]>;
  readonly emitted: Map<string, unknown[]>;
  readonly acted: string[];
  readonly logged: Map<string, unknown[]>;
}

export function nothingTold(): Told {
  return { heard: new Map(), emitted: new Map(), acted: [], logged: new Map() };
}

export function storyOf(states: readonly unknown[], { heard, emitted, acted, logged }: Told): Story {
  return { states, heard: Object.fromEntries(heard), emitted: Object.fromEntries(emitted), acted, logged: Object.fromEntries(logged) };
}

export function listOf<K, T>(map: Map<K, T[]>, key: K): T[] {
  let list = map.get(key);
  if (list === undefined) map.set(key, (list = []));
  return list;
}
