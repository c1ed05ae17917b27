import { assign, setup } from "xstate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, createHost, defineActor, type Log, type VersionOptions } from "../../src/index.ts";
import { pathOf } from "../../src/view.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const order = (state: string, options: VersionOptions = {}) =>
  defineActor({
    name: "order",
    machine: setup({ types: { context: {} as { heard: readonly number[] }, events: {} as { type: "say"; n: number } } }).createMachine({
      id: "order",
      context: { heard: [] },
      initial: state,
      states: { [state]: { on: { say: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) } } } },
    }),
    ...options,
  });

describe("an actor that fits no definition of its host", () => {
  it("is parked, and hears in order what was sent meanwhile, also through a killed server and three hosts", async () => {
    const nats = `nats://127.0.0.1:${rig.port}`;
    await using client = await connect({ nats });
    const ref = client.ref(order("packing"), "7");
    const say = async (...numbers: number[]) => {
      for (const n of numbers) await ref.send({ type: "say", n });
    };
    const quiet: Log = { level: "silent", child: () => quiet, debug() {}, info() {}, warn() {}, error() {} };
    const hostOf = (definition: ReturnType<typeof order>) => createHost({ nats, actors: [definition], log: quiet });

    const first = await hostOf(order("packing"));
    await client.start("order", { id: "7" });
    await say(1);
    await ref.waitFor((view) => view.revision >= 2, { timeout: "10s" });
    await first.stop();
    await say(2);

    const second = await hostOf(order("boxing", { version: 2 }));
    const { parked } = await ref.waitFor((view) => view.parked !== undefined, { timeout: "10s" });
    expect(parked).toMatchObject({ reason: "unknown_state", error: { faults: [{ path: "order.packing" }] } });
    await say(3);
    await rig.stop();
    await rig.start();
    await say(4);
    await client.start("order", { id: "8" });
    await client.ref("order", "8").waitFor((view) => pathOf(view) === "boxing", { timeout: "20s" });
    expect(await ref.get()).toMatchObject({ state: "packing", version: "1", context: { heard: [1] } });
    await second.stop();

    const box = order("boxing", { version: 3, migrate: { 1: ({ context }) => ({ value: "boxing", context }) } });
    await using _third = await hostOf(box);
    await say(5);
    const heard = async () => (await ref.get())?.context.heard ?? [];
    await eventually("all is heard", async () => (await heard()).length >= 5, 20_000);
    expect(await ref.get()).toMatchObject({ state: "boxing", version: "3", context: { heard: [1, 2, 3, 4, 5] } });
    expect((await ref.get())?.parked).toBeUndefined();
    expect(await client.ask("dead.list")).toMatchObject({ letters: [] });
  });
});

describe("a host", () => {
  it("says once, when it starts, what its machines may not mean", async () => {
    const told: { readonly fields: object; readonly message: string }[] = [];
    const log: Log = {
      level: "warn",
      child: () => log,
      debug() {},
      info() {},
      warn: (fields, message) => void told.push({ fields, message }),
      error() {},
    };
    const machine = setup({}).createMachine({ id: "odd", initial: "a", states: { a: { on: { go: "a" } }, attic: { on: { go: "a" } } } });
    const nats = `nats://127.0.0.1:${rig.port}`;
    const odd = defineActor({ name: "odd", machine });
    await using _host = await createHost({ nats, namespace: "odd", actors: [odd, order("packing")], log });
    expect(told.filter(({ message }) => message.includes("troupe check"))).toEqual([
      {
        message: "the machine may not mean what it says; troupe check lists the places",
        fields: { type: "odd", warnings: [{ path: "odd.attic", message: "can never be entered: no transition leads to it" }] },
      },
    ]);
  });
});
