import { expect, it } from "vitest";
import { fromTransition } from "xstate";
import { defineActor, defineTask, type CrashPolicy } from "../../src/index.ts";
import { createTestTroupe, type TestTroupe } from "../../src/testing.ts";
import { order } from "./cast.ts";

/** Sleeps for an hour; notes each time it begins. */
function sleeper(onCrash: CrashPolicy = "rerun") {
  const begun: string[] = [];
  const stage: { troupe?: TestTroupe } = {};
  const task = defineTask<void, string>({
    name: "sleeper",
    onCrash,
    run: async ({ attempt, signal }) => {
      begun.push(`attempt ${attempt}`);
      await stage.troupe?.sleep("1h", signal);
      return `rested in attempt ${attempt}`;
    },
  });
  const open = (hosts: number): TestTroupe => (stage.troupe = createTestTroupe({ actors: [task, order], hosts, patience: 0 }));
  return { task, begun, open };
}

it.each([
  ["rerun", "done", 2],
  ["fail", "failed", 1],
  ["park", "doing", 1],
] as const)("lets a host die while it works: a %s task is %s", async (onCrash, state, attempts) => {
  const { task, begun, open } = sleeper(onCrash);
  await using troupe = open(2);
  const ref = await troupe.client.start(task, { id: "s" });
  await troupe.waitForState(ref, "doing");
  troupe.hosts[0]?.kill();
  troupe.hosts[1]?.kill();
  troupe.startHost();
  await troupe.advance("2h");
  expect(await ref.get()).toMatchObject({ state });
  expect(begun).toHaveLength(attempts);
});

it("lets another host take over from one that is frozen, and the sleeper cannot spoil it", async () => {
  const { task, begun, open } = sleeper();
  await using troupe = open(1);
  const ref = await troupe.client.start(task, { id: "s" });
  await troupe.waitForState(ref, "doing");
  const [frozen] = troupe.hosts;
  frozen?.freeze();
  troupe.startHost();
  await troupe.advance("30m");
  frozen?.thaw();
  expect(await ref.result()).toBe("rested in attempt 2");
  expect(begun).toEqual(["attempt 1", "attempt 2"]);
});

it("lets a host drain: what runs is finished before it leaves", async () => {
  const { task, begun, open } = sleeper();
  await using troupe = open(1);
  const ref = await troupe.client.start(task, { id: "s" });
  await troupe.waitForState(ref, "doing");
  await troupe.hosts[0]?.drain("2h");
  expect([troupe.hosts[0]?.phase, begun.length]).toEqual(["left", 1]);
  expect(await ref.result()).toBe("rested in attempt 1");
});

it.each([true, false])("loses the answer to a commit (stored: %s), and the actor is where it should be", async (stored) => {
  const { open } = sleeper();
  await using troupe = open(1);
  const ref = await troupe.client.start(order, { id: "o" });
  await troupe.waitForState(ref, "paying");
  troupe.faults.loseAnswer({ stored });
  await ref.send({ type: "paid", amount: 3 });
  expect((await troupe.waitForState(ref, "shipped")).context.amount).toBe(3);
  expect((await ref.snapshot()).revision).toBe(3);
});

const TROUBLE: readonly (readonly [string, (troupe: TestTroupe) => void])[] = [
  ["slow commits", ({ faults }) => faults.slowCommits("10s", { times: 3 })],
  ["lost ownership", ({ faults, hosts }) => faults.loseOwnership(hosts[0] === undefined ? {} : { host: hosts[0] })],
  [
    "lost acknowledgements and everything delivered again",
    ({ faults }) => {
      faults.loseAcknowledgements({ times: 5 });
      faults.redeliver();
    },
  ],
  ["a server that restarts", ({ faults }) => faults.restartServer("20s")],
  ["a message whose answer is lost", ({ faults }) => faults.losePublishAnswer()],
  ["a message that is lost", ({ faults }) => faults.losePublishAnswer({ stored: false, times: 3 })],
  ["a host without a connection for a while", ({ hosts }) => hosts[0]?.disconnect()],
];

it.each(TROUBLE)("goes on over %s", async (name, trouble) => {
  const { open } = sleeper();
  await using troupe = open(2);
  const ref = await troupe.client.start(order, { id: "o" });
  await troupe.waitForState(ref, "paying");
  trouble(troupe);
  // While the server is down the client says so.
  if (name.includes("server")) {
    await expect(ref.get()).rejects.toMatchObject({ code: "no_connection" });
    await troupe.advance("21s");
  }
  await ref.send({ type: "paid", amount: 3 });
  troupe.hosts[0]?.reconnect();
  const view = await troupe.waitForState(ref, "shipped");
  expect([view.context.amount, view.revision]).toEqual([3, 3]);
  troupe.faults.redeliver();
  await troupe.advance("1h");
  expect((await ref.snapshot()).revision).toBe(3);
});

it.each([true, false])("hears a message once whose answer was lost again and again (stored: %s)", async (stored) => {
  const tally = defineActor({
    name: "tally",
    machine: fromTransition((count: number, event: { type: "add" }) => count + (event.type === "add" ? 1 : 0), 0),
  });
  await using troupe = createTestTroupe({ actors: [tally] });
  const ref = await troupe.client.start(tally, { id: "t" });
  troupe.faults.losePublishAnswer({ stored, times: 3 });
  await ref.send({ type: "add" });
  await troupe.advance("1m");
  expect((await ref.snapshot()).context).toBe(1);
});

it("keeps a watch over the client's connection that broke", async () => {
  const { open } = sleeper();
  await using troupe = open(1);
  const ref = await troupe.client.start(order, { id: "o" });
  await troupe.waitForState(ref, "paying");
  const states: string[] = [];
  const watching = (async () => {
    for await (const { state } of ref.watch()) {
      states.push(state);
      if (state === "shipped") return;
    }
  })();
  await troupe.settle();
  troupe.faults.disconnectClient();
  await expect(ref.send({ type: "paid", amount: 1 })).rejects.toMatchObject({ code: "no_connection" });
  troupe.faults.reconnectClient();
  await ref.send({ type: "paid", amount: 3 });
  await watching;
  expect(states.at(-1)).toBe("shipped");
});
