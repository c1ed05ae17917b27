import { assign, sendTo, setup } from "xstate";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "../runtime/stage.ts";
import { fragile } from "./family-scenes.ts";
import type { Scene } from "./scene.ts";

/** What was said and not heard yet. A machine that was written here once is never changed: add another. */
const listener = setup({ types: { context: {} as { words: number } } }).createMachine({
  id: "listener",
  context: { words: 0 },
  on: { ...fragile.config.on, word: { actions: assign({ words: ({ context }) => context.words + 1 }) } },
});
const restarting: Scene = {
  stand: (options) =>
    new Stand({
      ...options,
      tasks: () => [
        defineActor({
          name: "teller",
          machine: setup({ actors: { kid: listener } }).createMachine({
            id: "teller",
            invoke: { id: "k", src: "kid" },
            on: { tell: { actions: sendTo("k", { type: "word" }) } },
          } as never),
          supervise: { backoff: { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 2, jitter: 0 } },
        }),
      ],
    }),
  async bring(stand) {
    stand.start("teller", "1");
    await stand.settle();
    stand.send("teller-kid", "1~k~1", { type: "boom" });
    await stand.until(() => stand.record("teller", "1")?.children?.["k"]?.dueAt !== undefined);
    stand.send("teller", "1", { type: "tell" });
    await stand.until(() => stand.record("teller", "1")?.children?.["k"]?.held !== undefined);
  },
  async goOn(stand, expect) {
    await stand.advance(60_000);
    const { id = "", held } = stand.record("teller", "1")?.children?.["k"] ?? {};
    expect([stand.record("teller-kid", id)?.context, held]).toEqual([{ words: 1 }, undefined]);
  },
};

/** Its machine was wrong in its first life. */
const touchy = (isFirst: boolean) =>
  setup({ types: { context: {} as { words: number } } }).createMachine({
    id: "touchy",
    context: { words: 0 },
    on: {
      word: {
        actions: assign(({ context }) => {
          if (isFirst) throw new Error("a mistake");
          return { words: context.words + 1 };
        }),
      },
    },
  });
const setAside: Scene = {
  stand: (options) => new Stand({ ...options, tasks: () => [defineActor({ name: "touchy", machine: touchy(options.isFirst) })] }),
  async bring(stand) {
    stand.start("touchy", "1");
    stand.send("touchy", "1", { type: "word" });
    await stand.until(() => stand.record("touchy", "1")?.parked?.unheard !== undefined);
  },
  async goOn(stand, expect) {
    stand.send("touchy", "1", { type: "retry" });
    await stand.settle();
    expect(stand.record("touchy", "1")?.context).toEqual({ words: 1 });
    expect(stand.record("touchy", "1")?.parked).toBeUndefined();
  },
};

export const UNHEARD_SCENES: Readonly<Record<string, Scene>> = {
  "a supervisor with words for a child that waits for its restart": restarting,
  "an actor that was set aside with what it threw at": setAside,
};
