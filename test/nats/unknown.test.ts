import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Adapter } from "../../src/nats/adapter.ts";
import type { Commit, Write } from "../../src/ports/store.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { startRig, type Rig, type System } from "./rig.ts";

let rig: Rig;
let proxy: Proxy;
let system: System;
/** Reaches the server through the proxy. */
let adapter: Adapter;
let fence: number;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  proxy = await startProxy(rig.port);
  system = await rig.system();
  adapter = await system.another({ via: proxy.port, settleMs: 10_000 });
  fence = (await adapter.leases.claim(0, "me", 0)) as number;
});
afterEach(() => proxy[Symbol.asyncDispose]());

const address = (id: string) => ({ type: "order", id });
const record = (id: string, body = id): Write => ({ kind: "record", partition: 0, address: address(id), bytes: Buffer.from(body) });
const dead = (name: string): Write => ({ kind: "dead", partition: 0, address: address("d"), name, letter: { body: Buffer.from(name) } });
const under = (...writes: Write[]): Commit => ({ fences: new Map([[0, fence]]), writes });
const fenceNow = async () => (await system.adapter.leases.owners())[0]?.fence;

const COMMITS: readonly [string, () => Commit, string][] = [
  ["a record alone", () => under(record("a")), "a"],
  ["a batch", () => under(record("a"), dead("x"), record("b")), "b"],
  ["a dead letter alone", () => under(dead("x")), ""],
];

describe("a commit whose answer is lost", () => {
  it.each(COMMITS)("is found to be stored: %s", async (_what, commit, id) => {
    proxy.swallowAnswers();
    const outcome = adapter.store.commit(commit());
    const subject = id === "" ? system.names.dead(address("d"), "x") : system.names.state(address(id));
    await eventually("the commit in the stream", () => system.read(subject));
    proxy.cut();
    expect(await outcome).toEqual({ kind: "committed" });
    expect(await fenceNow(), "the partition is still ours").toBe(fence);
  });

  it.each(COMMITS)("is found not to be stored, and can never be: %s", async (_what, commit) => {
    proxy.swallowAll();
    const outcome = adapter.store.commit(commit());
    proxy.cut();
    expect(await outcome).toEqual({ kind: "conflict", lost: [0] });
    expect(await fenceNow(), "the partition was sealed").toBeGreaterThan(fence);
    expect(await system.adapter.store.commit(commit()), "the late original").toEqual({ kind: "conflict", lost: [0] });
  });

  it("is not taken for another's when somebody took the partition meanwhile", async () => {
    proxy.swallowAll();
    const outcome = adapter.store.commit(under(record("a", "mine")));
    const theirs = (await system.adapter.leases.claim(0, "other", fence)) as number;
    await system.adapter.store.commit({ fences: new Map([[0, theirs]]), writes: [record("a", "theirs")] });
    proxy.cut();
    expect(await outcome).toEqual({ kind: "conflict", lost: [0] });
    expect(await fenceNow(), "their fence is left alone").toBe(theirs);
  });

  it("is settled for a thousand at once", async () => {
    proxy.swallowAnswers();
    const outcomes = Array.from({ length: 1000 }, (_, i) => adapter.store.commit(under(record(`n${i}`))));
    await eventually("some of them", () => system.read(system.names.state(address("n999"))));
    proxy.cut();
    expect((await Promise.all(outcomes)).every(({ kind }) => kind === "committed")).toBe(true);
  });

  it("is unknown when the server does not come back in time", async () => {
    const impatient = await system.another({ via: proxy.port, settleMs: 200 });
    proxy.accept(false);
    proxy.swallowAll();
    const outcome = impatient.store.commit(under(record("a")));
    proxy.cut();
    expect(await outcome).toMatchObject({ kind: "unknown" });
  });

  it("is settled when the server says nothing on a connection that stands", async () => {
    const hasty = await system.another({ via: proxy.port, answerMs: 300, settleMs: 10_000 });
    proxy.swallowAnswers();
    const outcome = hasty.store.commit(under(record("a")));
    await eventually("the commit in the stream", () => system.read(system.names.state(address("a"))));
    setTimeout(() => proxy.cut(), 1000);
    expect(await outcome).toEqual({ kind: "committed" });
  });
});

describe("a claim whose answer is lost", () => {
  it("is found by its mark", async () => {
    proxy.swallowAnswers();
    const claim = adapter.leases.claim(1, "me", 0);
    const stored = await eventually("the claim", () => system.read(system.names.own(1)));
    proxy.cut();
    // The read that settles it may come before the connection is back: then the caller asks again.
    const fenceOf = await claim.catch(() => undefined);
    expect([stored.seq, undefined]).toContain(fenceOf);
  });
});

it.each(COMMITS)("is unknown, and nobody's fault, where nobody takes it for long enough: %s", async (_what, commit) => {
  const impatient = await system.another({ resendMs: 100 });
  await system.remove();
  // Refused would set its actors aside, although another time it may well be stored.
  expect(await impatient.store.commit(commit())).toMatchObject({ kind: "unknown", cause: { code: "no_answer" } });
});
