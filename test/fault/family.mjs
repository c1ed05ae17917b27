// A parent with children of their own, timers in host and server, and work: what hosts of the fault tests run beside tasks.
import { appendFileSync } from "node:fs";
import { assign, fromPromise, sendParent, setup } from "xstate";

const HOUR_MS = 3_600_000;

/** @param {string} journal where every run of the work becomes a line */
export function familyOf(journal, defineActor) {
  const work = fromPromise(async ({ input }) => {
    appendFileSync(journal, `family-member/${input.name} 1 0 ${process.pid}\n`);
    return input.name;
  });
  const member = setup({ actors: { work } })
    .createMachine({
      context: ({ input }) => input,
      initial: "waiting",
      states: {
        // A timer that the host keeps, one that the server keeps and that is withdrawn, or one that the server fires.
        waiting: { entry: sendParent(({ context }) => ({ type: "born", name: context.name })), after: { wait: "working" } },
        working: {
          invoke: { src: "work", id: "work", input: ({ context }) => context, onDone: "over", onError: "lost" },
          after: { [HOUR_MS]: "lost" },
        },
        over: { type: "final" },
        lost: {
          entry: () => {
            throw new Error("a member was lost");
          },
        },
      },
      output: ({ context }) => context.name,
    })
    .provide({ delays: { wait: ({ context }) => context.waitMs } });
  const parent = setup({ actors: { member } }).createMachine({
    context: ({ input, spawn }) => {
      for (let n = 0; n < input.members; n++) spawn("member", { id: `m${n}`, input: { name: `m${n}`, waitMs: input.waitMs } });
      return { members: input.members, born: [], done: [] };
    },
    on: {
      born: { actions: assign({ born: ({ context, event }) => [...context.born, event.name] }) },
      "xstate.done.actor.*": { actions: assign({ done: ({ context, event }) => [...context.done, event.output] }) },
    },
    initial: "waiting",
    states: {
      waiting: {
        after: { [HOUR_MS]: "lost" },
        always: { guard: ({ context }) => context.done.length === context.members, target: "over" },
      },
      over: { type: "final" },
      lost: {},
    },
    output: ({ context }) => context.done,
  });
  return defineActor({ name: "family", machine: parent });
}
