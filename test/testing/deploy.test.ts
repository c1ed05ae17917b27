import { expect, it } from "vitest";
import { assign, emit, setup } from "xstate";
import { defineActor, defineTask } from "../../src/index.ts";
import { createTestTroupe } from "../../src/testing.ts";

/** A counter that waits a day between two counts; from version 2 on it counts by tens and says so. */
const counter = (version: number) =>
  defineActor({
    name: "counter",
    version,
    machine: setup({ types: { context: {} as { count: number }, emitted: {} as { type: "counted"; count: number } } }).createMachine({
      id: "counter",
      context: { count: 0 },
      initial: "resting",
      states: {
        resting: {
          after: {
            86_400_000: {
              target: "resting",
              reenter: true,
              actions: [
                assign({ count: ({ context }) => context.count + (version === 1 ? 1 : 10) }),
                emit(({ context }) => ({ type: "counted", count: context.count })),
              ],
            },
          },
        },
      },
    }),
  });

it("goes on in a newer version, on a host that has it", async () => {
  const [older, newer] = [counter(1), counter(2)];
  await using troupe = createTestTroupe({ actors: [older] });
  const ref = await troupe.client.start(older, { id: "c" });
  await troupe.advance("2d");
  await troupe.hosts[0]?.drain();
  troupe.startHost([newer]);
  await troupe.advance("2d");
  expect((await ref.snapshot()).context.count).toBe(22);
  expect(troupe.emitted.map(({ from, event }) => [from.id, event["count"]])).toEqual([
    ["c", 1],
    ["c", 2],
    ["c", 12],
    ["c", 22],
  ]);
  expect(() => troupe.startHost([])).toThrow(/at least one definition/);
});

it("keeps what waits while no host runs, and tells of log entries", async () => {
  const noisy = defineTask<void, string>({
    name: "noisy",
    run: ({ log }) => {
      log.warn({ part: 3 }, "something is odd");
      return "done";
    },
  });
  await using troupe = createTestTroupe({ actors: [noisy] });
  await troupe.hosts[0]?.stop();
  const ref = await troupe.client.start(noisy, { id: "n" });
  await troupe.advance("30d");
  expect(await ref.get()).toMatchObject({ state: "undo", revision: 0 });
  troupe.startHost();
  expect(await ref.result()).toBe("done");
  expect(troupe.logged.filter(({ level }) => level === "warn")).toMatchObject([
    { message: "something is odd", fields: { part: 3, host: "host-1", actor: "noisy/n" } },
  ]);
});
