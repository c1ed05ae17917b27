import { transition, type AnyMachineSnapshot, type AnyStateMachine } from "xstate";
import { describe, expect, it } from "vitest";
import { hostMachine } from "../../machines/host.ts";
import { schedulerMachine } from "../../machines/scheduler.ts";
import { leavesOf, shortestPaths, throughJson } from "./paths.ts";

/** The two machines of ownership, and what each state of theirs listens to; everything else it must not hear. */
const MACHINES: readonly {
  name: string;
  machine: AnyStateMachine;
  input: unknown;
  hears: Readonly<Record<string, Readonly<Record<string, string>>>>;
}[] = [
  {
    name: "scheduler",
    machine: schedulerMachine,
    input: { partition: 3 },
    hears: {
      vacant: { claim: "claiming" },
      claiming: { claimed: "recovering", refused: "vacant", lost: "vacant", drain: "vacant" },
      recovering: { recovered: "running", lost: "vacant", drain: "draining" },
      running: { lost: "vacant", drain: "draining" },
      draining: { drained: "vacant", lost: "vacant", stay: "recovering" },
    },
  },
  {
    name: "host",
    machine: hostMachine,
    input: undefined,
    hears: {
      joining: { joined: "active", stop: "left" },
      active: { drain: "draining", stop: "left" },
      draining: { drained: "left", stop: "left" },
      left: {},
    },
  },
];

const FENCE = 17;

describe.each(MACHINES)("the $name machine", ({ machine, input, hears }) => {
  const types = [...new Set(Object.values(hears).flatMap((edges) => Object.keys(edges)))];
  const events = types.map((type) => (type === "claimed" ? { type, fence: FENCE } : { type }));
  const paths = shortestPaths({ machine, inputs: [input], events: () => events });

  it("reaches every state", () => {
    expect([...paths.keys()].toSorted()).toEqual([...leavesOf(machine)].toSorted());
    expect([...paths.keys()].toSorted()).toEqual(Object.keys(hears).toSorted());
  });

  it.each([...paths])("hears in %s what it should, and nothing else", (state, { snapshot }) => {
    const told = snapshot.status === "active" ? [...events, { type: "nonsense" }] : [];
    for (const event of told) {
      const [after] = transition(machine, snapshot, event);
      const target = hears[state]?.[event.type];
      expect(after.value).toBe(target ?? state);
      expect(after === snapshot).toBe(target === undefined);
    }
  });

  it.each([...paths])("goes on from %s as JSON just as from memory", (_state, { snapshot }) => {
    const restored = throughJson(machine, snapshot);
    expect(restored).toMatchObject({ value: snapshot.value, context: snapshot.context, status: snapshot.status });
    const told = snapshot.status === "active" ? events : [];
    for (const event of told)
      expect(sketch(transition(machine, restored, event)[0])).toEqual(sketch(transition(machine, snapshot, event)[0]));
  });
});

function sketch({ value, context, status }: AnyMachineSnapshot): object {
  return { value, context, status };
}

describe("a fence", () => {
  it("is held exactly while the partition is ours", () => {
    const paths = shortestPaths({
      machine: schedulerMachine,
      inputs: [{ partition: 3 }],
      events: () =>
        ["claim", "refused", "recovered", "lost", "drain", "drained", "stay"]
          .map((type) => ({ type }))
          .concat({ type: "claimed", fence: FENCE } as never),
    });
    for (const [state, { snapshot }] of paths) {
      const ours = ["recovering", "running", "draining"].includes(state);
      expect(snapshot.context).toEqual({ partition: 3, fence: ours ? FENCE : 0 });
    }
  });
});
