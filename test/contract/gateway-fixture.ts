import { expect } from "vitest";
import type { Address } from "../../src/core/address.ts";
import type { Gateway, StateChange } from "../../src/ports/gateway.ts";
import { addressIn, text, under, type Fixture } from "./fixture.ts";
import { record } from "./writes.ts";

/** Two hosts, and a client on a connection of its own. */
export interface GatewayFixture extends Fixture {
  readonly gateway: Gateway;
  /** An answer, as hosts send them. */
  reply(to: string, body: Uint8Array): Promise<void>;
  /** A host answers verbs from now on. */
  serve(answer: (verb: string, body: Uint8Array) => Promise<Uint8Array>): void;
  /** The client's connection breaks, and is there again when this resolves. What is asked of the gateway meanwhile drives no clock. */
  interrupt(meanwhile?: (gateway: Gateway) => void | Promise<void>): Promise<void>;
}

export const COMMITTED = { kind: "committed" };
export const PARTITION = 0;

/** Stores records, one commit each. */
export async function store(f: GatewayFixture, fence: number, ...each: (readonly [Address, string])[]): Promise<void> {
  for (const [address, body] of each)
    expect(await f.a.store.commit(under(PARTITION, fence, record(PARTITION, address, body)))).toEqual(COMMITTED);
}

export const addresses = (f: Fixture, ...names: readonly string[]): readonly Address[] =>
  names.map((name) => addressIn(PARTITION, f.partitions, name));

/** What a promise comes to, or its error; looked at from the beginning. */
export function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

export async function collected<T>(all: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const each of all) found.push(each);
  return found;
}

/** What a watch tells, as it comes. */
export function following(watch: AsyncIterable<StateChange>) {
  const seen = { bodies: [] as (string | undefined)[], isOver: false, failure: undefined as unknown };
  void (async () => {
    for await (const change of watch) seen.bodies.push(text(change.bytes));
    seen.isOver = true;
  })().catch((error: unknown) => (seen.failure = error));
  return seen;
}
