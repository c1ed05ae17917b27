import { expect, it } from "vitest";
import { setup } from "xstate";
import { defineActor, defineTask } from "../../src/index.ts";
import { createTestTroupe } from "../../src/testing.ts";
import { calendar, double, order, worker } from "./cast.ts";

it("says where an actor is, and what it would take, as soon as nothing can happen any more", async () => {
  await using troupe = createTestTroupe({ actors: [order] });
  const ref = await troupe.client.start(order, { id: "o-1" });
  await ref.send({ type: "paid", amount: 5 });
  const failure = (await troupe.waitForState(ref, "done").catch((error: unknown) => error)) as Error;
  expect(failure).toMatchObject({ code: "no_answer", about: "order/o-1" });
  expect(failure.message).toMatch(
    /^order\/o-1 does not come to "done": .* nothing can happen any more\n {2}it is 2027-\S+\n {2}order\/o-1 is in shipped, since 2027-\S+, revision 3\n {4}takes arrived$/,
  );
});

it.each([
  ["result", (ref: { result(): Promise<unknown> }) => ref.result()],
  ["waitFor", (ref: { waitFor(never: () => boolean): Promise<unknown> }) => ref.waitFor(() => false)],
  ["a watch", (ref: { watch(): AsyncIterable<unknown> }) => drained(ref.watch())],
])("never hangs in %s", async (_name, wait) => {
  await using troupe = createTestTroupe({ actors: [order], patience: 0 });
  const ref = await troupe.client.start(order, { id: "o-1" });
  await ref.send({ type: "paid", amount: 5 });
  await expect(wait(ref)).rejects.toMatchObject({ code: "no_answer" });
});

async function drained(all: AsyncIterable<unknown>): Promise<void> {
  for await (const _each of all);
}

it("never hangs in run or ask either", async () => {
  const hung = defineTask<void, string>({ name: "hung", run: () => new Promise<string>(() => {}) });
  const silent = defineActor({
    name: "silent",
    machine: setup({ types: { events: {} as { type: "what" } } }).createMachine({
      id: "silent",
      initial: "here",
      states: { here: { on: { what: {} } } },
    }),
  });
  await using troupe = createTestTroupe({ actors: [hung, silent], patience: 0 });
  await expect(troupe.client.run(hung, undefined, { id: "h" })).rejects.toThrow(
    /hung\/h is in doing[^]*work run, attempt 1, is running, and says nothing/,
  );
  const ref = await troupe.client.start(silent, { id: "s" });
  await expect(ref.ask({ type: "what" }, { timeout: "1h" })).rejects.toMatchObject({ code: expect.any(String) as string });
});

it("gives up on a machine that ticks for ever and never comes to the state", async () => {
  await using troupe = createTestTroupe({ actors: [calendar] });
  const ref = await troupe.client.start(calendar, { id: "c" });
  await expect(ref.result()).rejects.toThrow(/too many things have happened/);
}, 60_000);

it("tells an actor that has ended elsewhere, one that is not there, and one whose start waits for a host", async () => {
  await using troupe = createTestTroupe({ actors: [order, double], hosts: 0 });
  const ref = await troupe.client.start(order, { id: "o-1" });
  await expect(troupe.waitForState(ref, "paying")).rejects.toThrow(/its start waits for a host\n {2}no host is running/);
  await expect(troupe.waitForState(troupe.client.ref(order, "o-2"), "paying")).rejects.toMatchObject({ code: "unknown_id" });
  troupe.startHost();
  await expect(troupe.waitForState(ref, "done")).rejects.toMatchObject({ code: "not_running" });
  const task = await troupe.client.start(double, { id: "d", input: 1 });
  await expect(troupe.waitForState(task, "failed")).rejects.toThrow(/it has ended in done/);
  expect(await troupe.waitForState(task, "done")).toMatchObject({ output: 2 });
});

it("tells the reason of a parked actor, its children and its dead letters", async () => {
  const thrower = defineActor({
    name: "thrower",
    machine: setup({}).createMachine({
      id: "thrower",
      initial: "calm",
      states: {
        calm: {
          on: {
            go: {
              target: "gone",
              guard: () => {
                throw new Error("this guard is broken");
              },
            },
          },
        },
        gone: {},
      },
    }),
  });
  await using troupe = createTestTroupe({ actors: [thrower] });
  const ref = await troupe.client.start(thrower, { id: "t" });
  await ref.send({ type: "go" });
  await troupe.client.ref(thrower, "nobody").send({ type: "go" });
  await expect(troupe.waitForState(ref, "gone")).rejects.toThrow(/thrower\/t is in calm[^]*is parked \([^]*this guard is broken/);
  expect(troupe.describe(ref)).toContain("dead letter to thrower/nobody (unknown_id)");
  expect(troupe.deadLetters).toMatchObject([{ type: "thrower", id: "nobody", code: "unknown_id", body: { type: "go" } }]);
});

it("tells the work that has failed the state, and what hosts have warned of", async () => {
  const broken = worker(() => Promise.reject(new Error("the mock was not set up")));
  await using troupe = createTestTroupe({ actors: [broken] });
  const ref = await troupe.client.start(broken, { id: "w" });
  await expect(troupe.waitForState(ref, "made")).rejects.toThrow(/worker\/w is in broken/);
});

it("answers verbs as hosts do, and lists", async () => {
  await using troupe = createTestTroupe({ actors: [order, double] });
  const ref = await troupe.client.start(order, { id: "o-1" });
  await troupe.waitForState(ref, "paying");
  expect(await troupe.client.ref("order", "o-1").accepts()).toEqual(expect.arrayContaining(["paid"]));
  expect(await troupe.client.ask("submit.double", { id: "d-1", input: 4 })).toMatchObject({ type: "double", id: "d-1" });
  expect(await troupe.client.ask("result.double.d-1")).toMatchObject({ state: "done", output: 8 });
  await expect(troupe.client.ask("submit.nothing", {})).rejects.toMatchObject({ code: "unknown_type" });
  const listed: string[] = [];
  for await (const { type, id } of troupe.client.list()) listed.push(`${type}/${id}`);
  expect(new Set(listed)).toEqual(new Set(["order/o-1", "double/d-1"]));
  const revisions: number[] = [];
  await ref.send({ type: "paid", amount: 1 });
  await troupe.waitForState(ref, "shipped");
  for await (const { revision } of ref.watch({ from: "start" })) {
    revisions.push(revision);
    if (revision === 3) break;
  }
  expect(revisions).toEqual([1, 2, 3]);
});

it("refuses what it cannot be made of, every fault at once", () => {
  const faulty = { actors: [double, double], hosts: -1, partitions: 0, concurrency: 0.5, patience: "soon" as never };
  expect(() => createTestTroupe(faulty)).toThrow(/double is registered twice.*patience.*hosts.*partitions.*concurrency/);
  expect(() => createTestTroupe({ actors: [] })).toThrow(/at least one definition/);
});
