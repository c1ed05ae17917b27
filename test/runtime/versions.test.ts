import { describe, expect, test } from "vitest";
import { setup } from "xstate";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { box, deploys, heard, lastWarnings, LATER_PURGED_MS, record, redeployed, renamed, replaced, wider } from "./deploys.ts";
import { Stand } from "./stage.ts";

/** Deploys of other versions while actors live. */
describe("a deploy whose states include the old ones", () => {
  test("goes on, and the record is of the new version after the next turn", async () => {
    const stand = deploys({}, { version: 2, machine: wider });
    await redeployed(stand, () => stand.send("order", "7", { type: "b" }));
    expect(record(stand)).toMatchObject({ version: "2", value: "packing", context: { heard: ["a", "b"] } });
    stand.send("order", "7", { type: "check" });
    await stand.settle();
    expect(record(stand)).toMatchObject({ value: "checking" });
    expect(record(stand)?.parked).toBeUndefined();
    stand.check();
  });

  test("leaves an actor alone that nothing is sent to", async () => {
    const stand = deploys({}, { version: 2, machine: wider });
    await redeployed(stand);
    expect(record(stand)).toMatchObject({ version: "1", revision: 2 });
  });
});

describe("a deploy without a state that an actor is in", () => {
  const send = (stand: Stand, ...types: string[]) => {
    for (const type of types) stand.send("order", "7", { type });
  };

  test("parks it with the exact path, and what is sent to it waits", async () => {
    const stand = deploys({}, { version: 2, machine: renamed });
    await redeployed(stand, () => send(stand, "b"));
    send(stand, "c");
    await stand.settle();
    expect(record(stand)).toMatchObject({
      version: "1",
      value: "packing",
      context: { heard: ["a"] },
      parked: {
        reason: "unknown_state",
        error: { code: "unknown_state", faults: [{ path: "order.packing", message: "is no state of this version" }] },
      },
    });
    expect(stand.deadLetters).toEqual([]);
    expect(stand.unacknowledged).toHaveLength(2);
    expect(lastWarnings(stand).filter((words) => words.startsWith("parked"))).toHaveLength(1);
    stand.check();
  });

  test("goes on with a definition that fits, and hears everything in order, once", async () => {
    const stand = deploys({}, { version: 2, machine: renamed }, { version: 3, machine: renamed, migrate: { 1: box } });
    const second = await redeployed(stand, () => send(stand, "b", "a"));
    send(stand, "c");
    await stand.settle();
    await replaced(stand, second, () => send(stand, "b"));
    expect(record(stand)).toMatchObject({ version: "3", value: "boxing", context: { heard: ["a", "b", "a", "c", "b"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("goes on with the version of old again", async () => {
    const stand = deploys({}, { version: 2, machine: renamed }, {});
    const second = await redeployed(stand, () => send(stand, "b"));
    await replaced(stand, second, () => send(stand, "go", "done"));
    expect(record(stand)).toMatchObject({ version: "1", status: "done", context: { heard: ["a", "b"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
  });

  test("does not stand in the way of others", async () => {
    const stand = deploys({}, { version: 2, machine: renamed });
    await redeployed(stand, () => send(stand, "b"));
    for (let i = 0; i < 20; i++) stand.start("order", `new-${i}`);
    for (let i = 0; i < 20; i++) stand.send("order", `new-${i}`, { type: "c" });
    await stand.settle();
    for (let i = 0; i < 20; i++) expect(stand.record("order", `new-${i}`)).toMatchObject({ value: "boxing", context: { heard: ["c"] } });
    expect(stand.unacknowledged).toHaveLength(1);
  });

  test("hears `retry` at once, and stays parked where nothing has changed", async () => {
    const stand = deploys({}, { version: 2, machine: renamed });
    await redeployed(stand, () => send(stand, "b"));
    send(stand, "retry", "c");
    await stand.settle();
    expect(record(stand)).toMatchObject({ parked: { reason: "unknown_state" }, context: { heard: ["a"] } });
    expect(stand.unacknowledged).toHaveLength(2);
  });

  test("refuses whoever asks, rather than let them wait", async () => {
    const stand = deploys({}, { version: 2, machine: renamed }, {});
    const second = await redeployed(stand, () => send(stand, "b"));
    stand.raw("event", "order", "7", JSON.stringify({ type: "c" }), { [HEADERS.replyTo]: "asker" });
    await stand.settle();
    expect(stand.replies).toMatchObject([{ error: { code: "parked", message: expect.stringContaining("order.packing") as string } }]);
    expect(stand.unacknowledged).toHaveLength(1);
    await stand.advance(LATER_PURGED_MS);
    await replaced(stand, second);
    expect(heard(stand)).toEqual(["a", "b"]);
  });

  test.each(["b", "retry"])("keeps what waits when its host dies, however often: after %s", async (last) => {
    const stand = deploys(
      {},
      { version: 2, machine: renamed },
      { version: 2, machine: renamed },
      { version: 3, machine: renamed, migrate: { 1: box } },
    );
    const second = await redeployed(stand, () => send(stand, "b", "c"));
    const third = await replaced(stand, second, () => send(stand, last));
    const { revision } = record(stand) ?? {};
    expect(revision).toBe(3);
    await stand.advance(LATER_PURGED_MS);
    await replaced(stand, third);
    expect(heard(stand)).toEqual(last === "b" ? ["a", "b", "c", "b"] : ["a", "b", "c"]);
    stand.check();
  });
});

describe("a rolling deploy", () => {
  test("is safe where an old host gets what a new one wrote: it leaves it alone, and the next new one goes on", async () => {
    const stand = deploys({ version: 2, machine: wider }, { version: 1 }, { version: 2, machine: wider });
    const first = await stand.open();
    stand.start("order", "7");
    stand.send("order", "7", { type: "a" });
    await stand.settle();
    const before = record(stand);
    const second = await replaced(stand, first, () => stand.send("order", "7", { type: "b" }));
    const { parked, revision, epoch, updatedAt, ...left } = record(stand) ?? {};
    expect(parked).toMatchObject({ reason: "newer_version", error: { code: "newer_version" } });
    expect({ revision, hasEpoch: epoch !== undefined, hasTime: updatedAt !== undefined }).toEqual({
      revision: 3,
      hasEpoch: true,
      hasTime: true,
    });
    expect(before).toMatchObject(left);
    stand.send("order", "7", { type: "check" });
    await stand.settle();
    await replaced(stand, second);
    expect(record(stand)).toMatchObject({ version: "2", value: "checking", context: { heard: ["a", "b"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("hands actors from the old host to the new one when the old one drains", async () => {
    const stand = deploys({}, { version: 2, machine: renamed, migrate: { 1: box } });
    const old = await stand.open();
    for (let i = 0; i < 10; i++) stand.start("order", `${i}`);
    await stand.settle();
    await stand.open();
    await old.drain();
    for (let i = 0; i < 10; i++) stand.send("order", `${i}`, { type: "c" });
    await stand.until(() => Array.from({ length: 10 }, (_, i) => stand.record("order", `${i}`)).every((each) => each?.version === "2"));
    for (let i = 0; i < 10; i++) expect(stand.record("order", `${i}`)).toMatchObject({ value: "boxing", context: { heard: ["c"] } });
    stand.check();
  });
});

describe("versions side by side", () => {
  const kidOf = (id: string) => setup({}).createMachine({ id: "kid", initial: id, states: { [id]: { on: { x: {} } } } });
  const parentOf = (kid: string, state: string) =>
    setup({ actors: { kid: kidOf(kid) } }).createMachine({
      id: "order",
      initial: state,
      states: { [state]: { on: { go: "busy" } }, busy: { invoke: { id: "k", src: "kid" } } },
    });
  const one = () => defineActor({ name: "order", machine: parentOf("small", "old") });
  const two = () => defineActor({ name: "order", version: 2, machine: parentOf("large", "new"), versions: [one()] });

  test("let old actors go on under the old definition, with children of it, and new ones under the new", async () => {
    const stand = new Stand({ tasks: ({ name }) => [name === "host-1" ? one() : two()] });
    const first = await stand.open();
    stand.start("order", "7");
    await stand.settle();
    const second = await replaced(stand, first);
    stand.start("order", "8");
    for (const id of ["7", "8"]) stand.send("order", id, { type: "go" });
    await stand.settle();
    expect(record(stand)).toMatchObject({ version: "1", value: "busy" });
    expect(stand.record("order", "8")).toMatchObject({ version: "2", value: "busy" });
    const child = (id: string) => stand.record("order-kid", stand.record("order", id)?.children?.["k"]?.id ?? "");
    expect(child("7")).toMatchObject({ version: "1", value: "small" });
    expect(child("8")).toMatchObject({ version: "2", value: "large" });
    await replaced(stand, second, () => stand.send("order-kid", record(stand)?.children?.["k"]?.id ?? "", { type: "x" }));
    expect(child("7")).toMatchObject({ version: "1", value: "small" });
    expect(child("7")?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
  });
});

describe("a family", () => {
  const kid = setup({}).createMachine({
    id: "kid",
    initial: "alive",
    states: { alive: { on: { end: "over" }, after: { 10_000: "over" } }, over: { type: "final" } },
  });
  const parentOf = (state: string) =>
    setup({ actors: { kid } }).createMachine({
      id: "order",
      initial: state,
      states: {
        [state]: { invoke: { id: "k", src: "kid", onDone: "over" }, after: { 60_000: "late" } },
        late: {},
        over: { type: "final" },
      },
    });
  const stage = () =>
    new Stand({
      tasks: ({ name }) => [
        defineActor({ name: "order", version: name === "host-2" ? 2 : 1, machine: parentOf(name === "host-2" ? "renamed" : "waiting") }),
      ],
    });
  const childOf = (stand: Stand) => stand.record("order-kid", record(stand)?.children?.["k"]?.id ?? "");

  test("keeps for its parked parent what its child and its timer say", async () => {
    const stand = stage();
    const first = await stand.open();
    stand.start("order", "7");
    await stand.settle();
    const second = await replaced(stand, first, () => stand.send("order", "7", { type: "wake" }));
    expect(record(stand)).toMatchObject({ value: "waiting", parked: { reason: "unknown_state" } });
    await stand.advance(11_000);
    expect(childOf(stand)).toMatchObject({ status: "done", value: "over", version: "2" });
    await stand.advance(60_000);
    expect(record(stand)).toMatchObject({ value: "waiting", parked: { reason: "unknown_state" } });
    await replaced(stand, second);
    expect(record(stand)).toMatchObject({ status: "done", value: "over" });
    expect(stand.deadLetters).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});
