import { assign, emit, fromPromise, sendTo, type AnyStateMachine } from "xstate";
import { actorAt } from "../../src/actor-at.ts";
import { change, hear, machineOf, note, type Heard, type Info, type Told } from "./hearing.ts";

interface Diary extends Heard {
  readonly weight: string;
  readonly naps: number;
  /** How much it has passed on, by whom to. */
  readonly passes: Readonly<Record<string, number>>;
  readonly chores: number;
  readonly isClosing: boolean;
}

const passedTo = ({ passes }: Diary, { to = "" }: Told): number => passes[to] ?? 0;

/**
 * Notes what it is told, acts and emits on it, answers, naps (a timer of its host), sleeps (one of the server), does chores (activities),
 * and ends once it was closed and has nothing more to wait for. `act` is told the key of every custom action.
 */
export function diary(act: (key: string) => void): AnyStateMachine {
  const noted = { actions: note };
  const boom = assign(() => {
    throw new Error("boom");
  });
  const passed = sendTo(
    (({ event }: Info<Diary>) => actorAt(event.to ?? "")) as never,
    (({ context, event }: Info<Diary>) => ({
      type: "note",
      name: `${event.from ?? ""}#${passedTo(context, event)}`,
    })) as never,
  );
  const awake = [hear<Diary>(({ context }) => `timer#${context.naps}`), change<Diary>(({ context }) => ({ naps: context.naps + 1 }))];
  const done = [hear<Diary>(({ context }) => `chore#${context.chores}`), change<Diary>(({ context }) => ({ chores: context.chores + 1 }))];
  const heavier = change<Diary>(({ context, event }) => ({ weight: context.weight + "x".repeat(event.bytes ?? 0) }));
  const loud = emit((({ event }: Info<Diary>) => ({ type: "noted", heard: event.name })) as never);
  const answer = sendTo(
    (({ event }: Info<Diary>) => event.replyTo) as never,
    (({ event }: Info<Diary>) => ({ type: "told", name: event.name })) as never,
  );
  const parts = {
    actors: { chore: fromPromise(async () => "") },
    actions: { act: (info: object) => act((info as { key: string }).key) },
    delays: { nap: 1_300, sleep: 5_500 },
  };
  return machineOf(parts, {
    context: { heard: [], weight: "", naps: 0, passes: {}, chores: 0, isClosing: false },
    initial: "idle",
    on: {
      note: { actions: [note, heavier, "act", loud] },
      ask: { actions: [note, answer] },
      close: { actions: [note, change<Diary>(() => ({ isClosing: true }))] },
      boom: { actions: boom },
      pass: {
        actions: [
          note,
          passed,
          change<Diary>(({ context, event }) => ({ passes: { ...context.passes, [event.to ?? ""]: passedTo(context, event) + 1 } })),
        ],
      },
      nap: noted,
      sleep: noted,
      chore: noted,
    },
    states: {
      idle: {
        always: { guard: ({ context }: Info<Diary>) => context.isClosing, target: "closed" },
        on: { nap: { target: "napping", ...noted }, sleep: { target: "sleeping", ...noted }, chore: { target: "working", ...noted } },
      },
      napping: { after: { nap: { target: "idle", actions: awake } } },
      sleeping: { after: { sleep: { target: "idle", actions: awake } } },
      working: {
        invoke: {
          id: "chore",
          src: "chore",
          input: ({ event }: Info<Diary>) => ({ ms: event.ms ?? 0, failures: event.failures ?? 0 }),
          onDone: { target: "idle", actions: done },
          onError: "broken",
        },
      },
      broken: {},
      closed: { type: "final", entry: "act" },
    },
  });
}
