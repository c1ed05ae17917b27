import { assign, enqueueActions, setup } from "xstate";
import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

/** Custom actions: after the commit, in order, at least once, each with a key that stays the same. */
interface Done {
  readonly host: string;
  readonly key: string;
  readonly n: number;
}

interface Info {
  readonly key: string;
  readonly context: { readonly n: number };
  readonly self: { send(event: object): void };
}

function bank(options: { readonly perform?: (info: Info, process: Process, done: Done[]) => unknown } = {}) {
  const done: Done[] = [];
  const perform = (info: object, process: Process): unknown => {
    if (process.isDead) return undefined;
    const { key, context } = info as Info;
    done.push({ host: process.name, key, n: context.n });
    return options.perform?.(info as Info, process, done);
  };
  const stand = new Stand({
    tasks: (process) => {
      const machine = setup({
        types: { context: {} as { n: number } },
        actions: {
          up: assign({ n: ({ context }) => context.n + 1 }),
          charge: (info) => void perform(info, process),
          wait: (info) => perform(info, process) as never,
        },
      }).createMachine({
        context: { n: 0 },
        initial: "open",
        on: {
          up: { actions: "up" },
          charge: { actions: ["up", "charge"] },
          wait: { actions: ["up", "wait"] },
          inline: { actions: [(info) => void perform(info, process)] },
          hidden: { actions: enqueueActions(({ enqueue }) => enqueue((info) => void perform(info, process))) },
          close: ".done",
        },
        states: { open: {}, done: { entry: "charge", type: "final" } },
      });
      return [defineActor({ name: "bank", machine })];
    },
  });
  stand.start("bank", "1");
  return { stand, done };
}

test("an action runs once its turn is stored, knowing what the machine knew, and is owed no longer", async () => {
  const { stand, done } = bank();
  await stand.open();
  for (const type of ["charge", "up", "charge"]) stand.send("bank", "1", { type });
  await stand.settle();
  expect(done.map(({ n }) => n)).toEqual([1, 3]);
  expect(new Set(done.map(({ key }) => key)).size).toBe(2);
  expect(stand.record("bank", "1")?.owed).toBeUndefined();
  expect(stand.unacknowledged).toEqual([]);
});

test.each(["charge", "inline"])(
  "an action that its host did not live to finish runs again elsewhere under the same key (%s)",
  async (type) => {
    let isFirst = true;
    const { stand, done } = bank({
      perform: (_info, process) => {
        if (isFirst) process.kill();
        isFirst = false;
      },
    });
    await stand.open();
    stand.send("bank", "1", { type });
    await stand.settle();
    expect(done).toHaveLength(1);
    await stand.open();
    await stand.advance(10_000);
    expect(done.map(({ host }) => host)).toEqual(["host-1", "host-2"]);
    expect(done[0]?.key).toBe(done[1]?.key);
    expect(stand.record("bank", "1")?.owed).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  },
);

test("an action of the last turn runs again as well, and not once more for whoever comes later", async () => {
  let isFirst = true;
  const { stand, done } = bank({
    perform: (_info, process) => {
      if (isFirst) process.kill();
      isFirst = false;
    },
  });
  await stand.open();
  stand.send("bank", "1", { type: "close" });
  await stand.settle();
  await stand.open();
  await stand.advance(10_000);
  expect(done).toHaveLength(2);
  stand.send("bank", "1", { type: "up" });
  await stand.settle();
  expect(done).toHaveLength(2);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("an action of the last turn that has run is not repeated by the next owner, and the end is told once", async () => {
  const { stand, done } = bank();
  const first = await stand.open();
  stand.start("bank", "2", {}, { headers: { [HEADERS.replyTo]: "inbox" } });
  stand.send("bank", "2", { type: "close" });
  await stand.until(() => done.length === 1 && stand.unacknowledged.length === 0);
  // What is acknowledged is not purged yet, and comes again.
  first.kill();
  await stand.open();
  await stand.advance(10_000);
  expect(done).toHaveLength(1);
  expect(stand.replies).toMatchObject([{ id: "2", state: "done" }]);
  expect(stand.record("bank", "2")?.owed).toBeUndefined();
  stand.check();
});

test("an action that fails is tried again, and given up after five tries", async () => {
  const { stand, done } = bank({ perform: ({ context }) => (context.n === 1 ? Promise.reject(new Error("no luck")) : undefined) });
  const process = await stand.open();
  stand.send("bank", "1", { type: "wait" });
  stand.send("bank", "1", { type: "wait" });
  await stand.settle();
  expect(done.map(({ n }) => n)).toEqual([1]);
  await stand.advance(60_000);
  expect(done.map(({ n }) => n)).toEqual([1, 1, 1, 1, 1, 2]);
  expect(process.warnings.filter((words) => words === "a custom action threw")).toHaveLength(5);
  expect(stand.unacknowledged).toEqual([]);
});

test("an action that was enqueued inline runs, and is reported where it cannot be found again", async () => {
  let isFirst = true;
  const { stand, done } = bank({
    perform: (_info, process) => {
      if (isFirst) process.kill();
      isFirst = false;
    },
  });
  await stand.open();
  stand.send("bank", "1", { type: "hidden" });
  await stand.settle();
  const second = await stand.open();
  await stand.advance(10_000);
  expect(done).toHaveLength(1);
  expect(second.warnings).toContain("a custom action cannot be found again and is left out: give it a name");
  expect(stand.unacknowledged).toEqual([]);
});

test("what an action sends to its own actor is stored and heard", async () => {
  const { stand } = bank({ perform: ({ self }) => self.send({ type: "up" }) });
  await stand.open();
  stand.send("bank", "1", { type: "charge" });
  await stand.settle();
  expect(stand.record("bank", "1")?.context).toEqual({ n: 2 });
  expect(stand.unacknowledged).toEqual([]);
});
