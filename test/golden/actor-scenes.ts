import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { answersTo } from "../runtime/asking.ts";
import { Stand } from "../runtime/stage.ts";
import { fragile } from "./family-scenes.ts";
import { dies, type Scene } from "./scene.ts";

/** Actors that are alone, in everything that a record can hold of one. A machine that was written here once is never changed: add another. */
const keys = new WeakMap<Stand, string[]>();
const owing: Scene = {
  stand: (options) => {
    const stand: Stand = new Stand({
      ...options,
      tasks: () => [
        defineActor({
          name: "owing",
          machine: setup({
            actions: {
              pay: (info, _params: { amount: number }) => {
                if (options.isFirst) return new Promise(() => {}) as unknown as void;
                keys.set(stand, [...(keys.get(stand) ?? []), (info as unknown as { key: string }).key]);
              },
            },
          }).createMachine({ id: "owing", on: { go: { actions: { type: "pay", params: { amount: 7 } } } } }),
        }),
      ],
    });
    return stand;
  },
  async bring(stand) {
    stand.start("owing", "1");
    stand.send("owing", "1", { type: "go" });
    await stand.until(() => stand.record("owing", "1")?.owed !== undefined);
  },
  async goOn(stand, expect, held) {
    await stand.settle();
    const [owed] = held.get("owing/1")?.owed ?? [];
    expect(keys.get(stand)).toEqual([owed?.key ?? "none"]);
    stand.send("owing", "1", { type: "stir" });
    await stand.settle();
    expect(stand.record("owing", "1")?.owed).toBeUndefined();
  },
};

const answering: Scene = {
  stand: (options) =>
    new Stand({
      ...options,
      tasks: () => [
        defineActor({
          name: "oracle",
          machine: setup({ types: { context: {} as { asked: number } } }).createMachine({
            id: "oracle",
            context: { asked: 0 },
            on: {
              ask: {
                actions: [
                  assign({ asked: ({ context }) => context.asked + 1 }),
                  sendTo(({ event }) => (event as unknown as { replyTo: AnyActorRef }).replyTo, { type: "answer", is: 42 }),
                ],
              },
            },
          }),
        }),
      ],
    }),
  async bring(stand, host) {
    stand.start("oracle", "1");
    await stand.settle();
    stand.raw("event", "oracle", "1", JSON.stringify({ type: "ask" }), { [HEADERS.replyTo]: "inbox" });
    await dies(stand, host, () => stand.record("oracle", "1")?.replies !== undefined);
  },
  async goOn(stand, expect) {
    await stand.settle();
    expect(answersTo(stand, "inbox")).toEqual([{ type: "answer", is: 42 }]);
    expect(stand.record("oracle", "1")?.context).toEqual({ asked: 1 });
  },
};

const parked: Scene = {
  stand: (options) => new Stand({ ...options, tasks: () => [defineActor({ name: "fragile", machine: fragile })] }),
  async bring(stand) {
    stand.start("fragile", "1");
    stand.send("fragile", "1", { type: "boom" });
    await stand.until(() => stand.record("fragile", "1")?.parked !== undefined);
  },
  async goOn(stand, expect) {
    stand.send("fragile", "1", { type: "retry" });
    await stand.settle();
    expect(stand.record("fragile", "1")).toMatchObject({ status: "active" });
    expect(stand.record("fragile", "1")?.parked).toBeUndefined();
  },
};

export const ACTOR_SCENES: Readonly<Record<string, Scene>> = {
  "an actor that owes an action": owing,
  "an actor whose answer was not sent": answering,
  "an actor that was set aside": parked,
};
