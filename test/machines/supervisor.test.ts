import { createActor, fromCallback, SimulatedClock, type AnyActorRef } from "xstate";
import { describe, expect, it, vi } from "vitest";
import { supervisorMachine } from "../../machines/index.ts";
import type { SuperviseOptions } from "../../src/supervise.ts";
import { supervisor } from "../../src/supervisor.ts";

/** Supervisors in plain XState: who was begun, in order, and by whom it can be made to fail. */
function crew(options: SuperviseOptions, machine: typeof supervisorMachine = supervisor(options)) {
  const clock = new SimulatedClock();
  const begun: string[] = [];
  const ended: string[] = [];
  const worker = fromCallback<{ type: "fail" }, string>(({ input, receive }) => {
    begun.push(input);
    receive(() => {
      throw new Error(`${input} failed`);
    });
    return () => void ended.push(input);
  });
  const children = ["A", "B", "C"].map((input) => ({ id: input.toLowerCase(), src: "worker", input }));
  const logic = machine.provide({ actors: { worker } });
  const actor = createActor(logic, { input: { children }, clock });
  actor.subscribe({ error: () => {} });
  actor.start();
  const fail = (id: string): void => (actor.getSnapshot().children[id] as AnyActorRef | undefined)?.send({ type: "fail" });
  return { actor, clock, begun, ended, fail };
}

describe("a supervisor in plain XState", () => {
  it("begins its children in order, with their input", () => {
    expect(crew({}).begun).toEqual(["A", "B", "C"]);
  });

  it.each([
    ["one-for-one", ["B"]],
    ["one-for-all", ["A", "B", "C"]],
    ["rest-for-one", ["B", "C"]],
  ] as const)("%s: restarts %j when the second fails", (strategy, again) => {
    const { begun, fail, actor } = crew({ strategy });
    fail("b");
    expect(begun).toEqual(["A", "B", "C", ...again]);
    expect(Object.keys(actor.getSnapshot().children).sort()).toEqual(["a", "b", "c"]);
    fail("b");
    expect(begun).toEqual(["A", "B", "C", ...again, ...again]);
  });

  it("is in error itself after one restart too many", () => {
    const { actor, fail, ended } = crew({ restarts: { max: 2 } });
    for (let i = 0; i < 3; i++) fail("b");
    expect(actor.getSnapshot()).toMatchObject({ status: "error", error: { message: "B failed" } });
    expect(ended).toEqual(expect.arrayContaining(["A", "C"]));
  });

  it("does not begin again who is to stay stopped, not even with the others", () => {
    const { actor, begun, fail } = crew({ strategy: "one-for-all", directive: (_error, child) => (child === "b" ? "stop" : "restart") });
    fail("b");
    fail("a");
    expect(begun).toEqual(["A", "B", "C", "A", "C"]);
    expect(actor.getSnapshot().context.supervision).toMatchObject({ restarts: [{ child: "a" }], last: { directive: "restart" } });
  });

  it("waits for the backoff, and begins everybody once, however many fail meanwhile", () => {
    const { begun, fail, clock } = crew({
      strategy: "rest-for-one",
      backoff: { minDelayMs: 100, maxDelayMs: 100, factor: 1, jitter: 0 },
    });
    fail("c");
    clock.increment(60);
    fail("a");
    clock.increment(60);
    expect(begun).toEqual(["A", "B", "C"]);
    clock.increment(40);
    expect(begun).toEqual(["A", "B", "C", "A", "B", "C"]);
  });

  it("takes on children later and lets them go", () => {
    const { actor, begun, ended, fail } = crew({});
    actor.send({ type: "start", child: { id: "d", src: "worker", input: "D" } });
    actor.send({ type: "start", child: { id: "d", src: "worker", input: "a second D" } });
    fail("d");
    expect(begun).toEqual(["A", "B", "C", "D", "D"]);
    actor.send({ type: "end", id: "d" });
    expect(ended.filter((name) => name === "D")).not.toEqual([]);
    actor.send({ type: "stop" });
    expect(actor.getSnapshot().status).toBe("done");
    expect(ended).toEqual(expect.arrayContaining(["A", "B", "C"]));
  });

  it("counts restarts within the window only", () => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ["Date"] });
    try {
      const { actor, fail } = crew({ restarts: { max: 1, within: "10s" } });
      fail("b");
      vi.setSystemTime(1_010_000);
      fail("b");
      expect(actor.getSnapshot().status).toBe("active");
      vi.setSystemTime(1_019_999);
      fail("b");
      expect(actor.getSnapshot().status).toBe("error");
    } finally {
      vi.useRealTimers();
    }
  });

  it("without a judgement escalates everything", () => {
    const { actor, fail } = crew({}, supervisorMachine);
    fail("a");
    expect(actor.getSnapshot().status).toBe("error");
  });

  it("says what is wrong with its options", () => {
    const wrong = (): unknown => supervisor({ strategy: "all" as never, restarts: { max: -1 } });
    expect(wrong).toThrow(
      expect.objectContaining({ code: "bad_options", message: expect.stringMatching(/: strategy .*; restarts.max /) as string }),
    );
  });
});
