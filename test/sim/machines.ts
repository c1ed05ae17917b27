import { assign, sendParent, sendTo, spawnChild, type AnyStateMachine } from "xstate";
import { change, hear, machineOf, note, tell, type Heard, type Info } from "./hearing.ts";

/** Machines with children: families, what is replaced, what is supervised, what must end with its parent. */

interface Echo {
  readonly answers: number;
}

/** Answers its parent until it says bye. */
const echo = machineOf(
  {},
  {
    context: { answers: 0 },
    initial: "alive",
    states: {
      alive: {
        on: {
          ask: {
            actions: [
              sendParent((({ context }: Info<Echo>) => ({ type: "answer", name: `echo#${context.answers}` })) as never),
              change<Echo>(({ context }) => ({ answers: context.answers + 1 })),
            ],
          },
          bye: "over",
        },
      },
      over: { type: "final" },
    },
  },
);

interface Family extends Heard {
  readonly questions: number;
  readonly answers: number;
  readonly ends: number;
  readonly ms: readonly number[];
}

/** Jobs that are tasks, and an actor that is asked `questions + 1` times, two at once: over once every child has ended. */
export function family(jobs: number, job: object): AnyStateMachine {
  const ended = [
    hear<Family>(({ event }) => `${event.type.slice(event.type.lastIndexOf(".") + 1)}.end#0`),
    change<Family>(({ context }) => ({ ends: context.ends + 1 })),
  ];
  const answered = [note, change<Family>(({ context }) => ({ answers: context.answers + 1 }))];
  const begun = Array.from({ length: jobs }, (_, n) =>
    spawnChild("job" as never, {
      id: `job${n}`,
      input: ({ context }: Info<Family>) => ({ ms: context.ms[n] ?? 0, failures: 0 }),
    }),
  );
  return machineOf(
    { actors: { echo, job } },
    {
      context: ({ input }: { input: Pick<Family, "questions" | "ms"> }) => ({ heard: [], answers: 0, ends: 0, ...input }),
      entry: [spawnChild("echo" as never, { id: "echo" }), ...begun, tell("echo", "ask"), tell("echo", "ask")],
      initial: "busy",
      states: {
        busy: {
          always: { guard: ({ context }: Info<Family>) => context.ends === jobs + 1, target: "over" },
          on: {
            answer: [
              {
                guard: ({ context }: Info<Family>) => context.answers + 1 < context.questions,
                actions: [...answered, tell("echo", "ask")],
              },
              { guard: ({ context }: Info<Family>) => context.answers === context.questions, actions: [...answered, tell("echo", "bye")] },
              { actions: answered },
            ],
            "xstate.done.actor.*": { actions: ended },
            "xstate.error.actor.*": { actions: ended },
          },
        },
        over: { type: "final" },
      },
    },
  );
}

interface Part {
  readonly token: number;
  readonly ms: number;
}

/** Lives a little, then ends by itself with what it was given. */
const part = machineOf(
  { delays: { life: ({ context }: Info<Part>) => context.ms } },
  {
    context: ({ input }: { input: Part }) => input,
    initial: "alive",
    states: { alive: { after: { life: "over" } }, over: { type: "final" } },
    output: ({ context }: Info<Part>) => context.token,
  },
);

interface Swapper extends Heard {
  readonly swaps: number;
  readonly ms: number;
}

/** Replaces its part whenever it is told to, and is done when the one that it has is. */
export function swapper(): AnyStateMachine {
  const heardOf = hear<Swapper>(({ context, event }) => (event.output === context.swaps ? "part#0" : `late part ${event.output}`));
  return machineOf(
    { actors: { part } },
    {
      context: ({ input }: { input: { ms: number } }) => ({ heard: [], swaps: 0, ms: input.ms }),
      initial: "busy",
      states: {
        busy: {
          invoke: {
            id: "part",
            src: "part",
            input: ({ context }: Info<Swapper>) => ({ token: context.swaps, ms: context.ms }),
            onDone: { target: "over", actions: heardOf },
          },
          on: {
            swap: { target: "busy", reenter: true, actions: [note, change<Swapper>(({ context }) => ({ swaps: context.swaps + 1 }))] },
          },
        },
        over: { type: "final" },
      },
    },
  );
}

/** Throws when it is hit. */
const hit = assign(() => {
  throw new Error("hit");
});
const kid = machineOf({}, { context: {}, on: { hit: { actions: hit } } });

/** Three children, which it has hit. */
export function crew(): AnyStateMachine {
  const blow = sendTo((({ event }: Info<Heard>) => event.child ?? "a") as never, { type: "hit" } as never);
  return machineOf(
    { actors: { kid } },
    {
      context: { heard: [] },
      initial: "busy",
      states: {
        busy: {
          invoke: ["a", "b", "c"].map((id) => ({ id, src: "kid" })),
          on: { hit: { actions: [note, blow] }, close: { target: "closed", actions: note } },
        },
        closed: { type: "final" },
      },
    },
  );
}

/** Wakes up again and again for as long as it is left alone. */
const leaf = machineOf(
  { delays: { doze: 700 } },
  { initial: "dozing", states: { dozing: { after: { doze: { target: "dozing", reenter: true } } } } },
);

/** Has a leaf, and work that takes longer than it lives; grows both anew when it is told to. */
const branch = (job: object): AnyStateMachine =>
  machineOf(
    { actors: { leaf, job } },
    {
      initial: "green",
      states: {
        green: {
          invoke: [
            { id: "leaf", src: "leaf" },
            { id: "job", src: "job", input: { ms: 20_000, failures: 0 } },
          ],
          on: { regrow: { target: "green", reenter: true } },
        },
      },
    },
  );

/** Three branches, and all that is on them: when it closes, nothing of it may go on. */
export function grove(job: object): AnyStateMachine {
  const regrow = sendTo((({ event }: Info<Heard>) => event.child ?? "a") as never, { type: "regrow" } as never);
  return machineOf(
    { actors: { branch: branch(job) } },
    {
      context: { heard: [] },
      initial: "growing",
      states: {
        growing: {
          invoke: ["a", "b", "c"].map((id) => ({ id, src: "branch" })),
          on: { regrow: { actions: [note, regrow] }, close: { target: "closed", actions: note } },
        },
        closed: { type: "final" },
      },
    },
  );
}
