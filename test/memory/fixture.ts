import type { Fixture } from "../contract/fixture.ts";
import type { Attachment } from "../../src/memory/attachment.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import { createWorld, type World, type WorldOptions } from "../../src/memory/world.ts";

/** More virtual time than any request needs. */
const LONGEST_ANSWER_MS = 10_000;
const LONGEST_LATENCY_MS = 100;

/** A world of its own with two hosts; awaiting a promise of theirs drives the virtual clock. */
export async function openMemoryFixture(options: Partial<WorldOptions> = {}): Promise<Fixture> {
  const clock = new VirtualClock();
  return fixtureOf(clock, createWorld({ clock, seed: 1, partitions: 4, ...options }), options);
}

export function fixtureOf(clock: VirtualClock, world: World, options: Partial<WorldOptions>): Fixture {
  const [a, b] = [world.attach("host-a"), world.attach("host-b")];
  return {
    partitions: world.partitions,
    a: driveAttachment(clock, a),
    b: driveAttachment(clock, b),
    capabilities: { virtualTime: true, supersededReadersStarve: true },
    now: () => clock.now(),
    publish: async ({ lane, to, body, headers }) => world.publish(lane, to.type, to.id, body, headers),
    until: (predicate, timeoutMs = 5_000) => until(clock, predicate, timeoutMs),
    quiet: () => clock.advance((options.maxLatencyMs ?? 0) * 4),
    pass: (ms) => clock.advance(ms),
    killA: async () => a.crash("arrives"),
    deadLetters: async ({ type, id }) => world.deadLetters.filter((dead) => dead.address.type === type && dead.address.id === id),
    turns: async (address) => world.turns(address),
    dispose: async () => {},
  };
}

/** Lets virtual time pass while a promise is waited for. @throws what it throws, or when it does not settle */
export async function drive<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => (isSettled = true));
  settled.catch(() => {});
  await clock.until(() => isSettled, LONGEST_ANSWER_MS);
  return settled;
}

async function until(clock: VirtualClock, predicate: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadlineAt = clock.now() + timeoutMs;
  while (true) {
    await clock.settle();
    if (await predicate()) return;
    const leftMs = deadlineAt - clock.now();
    if (leftMs <= 0) throw new Error(`It did not happen within ${timeoutMs} ms`);
    await clock.advance(Math.min(leftMs, Math.max(1, clock.nextAlarmInMs ?? leftMs)));
  }
}

function driveAttachment(clock: VirtualClock, { host, store, mailbox, leases, work }: Attachment) {
  return { host, store: driven(clock, store), mailbox: driven(clock, mailbox), leases: driven(clock, leases), work: driven(clock, work) };
}

/** The same object, with methods whose promises drive the clock when they are made, and whose lists do when they are asked for more. */
export function driven<T extends object>(clock: VirtualClock, target: T): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, given);
        if (isList(result)) return drivenList(clock, result);
        return result instanceof Promise ? drive(clock, result) : result;
      };
    },
  });
}

function isList(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** What comes within no time is driven; whatever else may come waits for whoever drives then. */
async function* drivenList(clock: VirtualClock, list: AsyncIterable<unknown>): AsyncIterable<unknown> {
  const each = list[Symbol.asyncIterator]();
  for (;;) {
    const next = each.next();
    void clock.advance(LONGEST_LATENCY_MS);
    const { done, value } = await next;
    if (done === true) return;
    yield value;
  }
}
