import { assign, fromPromise, sendTo, setup, spawnChild } from "xstate";
import { addressOf } from "../../src/core/address.ts";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import type { ActorEvent, Envelope } from "../../src/core/envelope.ts";
import { asRecord, type ChildRecord } from "../../src/core/record.ts";
import { WAKE } from "../../src/core/draft.ts";
import { revive, start, take, type Actor, type Turn, type TurnAt } from "../../src/core/turn.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import { frozenActor } from "./life.ts";

/** One parent and its children, told envelope by envelope without a host. */
export const NOW = 1_800_000_000_000;
export const AT: TurnAt = { now: NOW, epoch: 7 };
export const CREW = addressOf("crew", "1");

const kid = setup({}).createMachine({});
const machine = setup({
  types: { context: {} as { boss: unknown; heard: readonly string[] } },
  actors: { boss: kid, kid, work: fromPromise(async () => 1) },
  actions: { hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
}).createMachine({
  context: { boss: null, heard: [] },
  initial: "busy",
  on: { "*": { actions: "hear" } },
  states: {
    busy: {
      entry: [
        assign({ boss: ({ spawn }) => spawn("boss", { id: "boss", systemId: "boss", input: "the boss" }) }),
        spawnChild("kid", { id: "k", input: { a: 1 }, syncSnapshot: true }),
      ],
      invoke: { id: "w", src: "work", input: "hard" as never },
      on: {
        tell: { actions: sendTo(({ context }: { context: { boss: unknown } }) => context.boss as never, { type: "order" } as never) },
        later: { actions: sendTo("boss", { type: "order" }, { delay: 60_000, id: "later" }) },
        idle: "idle",
        close: "closed",
      },
    },
    idle: {},
    closed: { type: "final" },
  },
} as never);

type Options = Partial<ActorOptions<typeof machine>>;
export const ONE = { strategy: "one-for-one" } as const;
export const SLOW = { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 2, jitter: 0 };
export const crew = (options: Options) => defineActor({ name: "crew", machine, ...options });

/** One crew's life: each envelope to what the turn before left, once as it is in memory and once as it is stored. */
export function life(options: Options, isStored: boolean) {
  const definition = crew(options);
  const begun = start(definition, CREW, { kind: "start", input: undefined, delayMs: 0 }, AT);
  let { actor } = begun;
  const again = (): Actor => (isStored ? revive(definition, CREW, asRecord(decodeRecord(encodeRecord(actor.record)))) : actor);
  const next = (envelope: Exclude<Envelope, { kind: "start" }>, at = AT): Turn => {
    const turn = take(definition, CREW, isStored ? again() : frozenActor(again()), envelope, at);
    ({ actor } = turn);
    return turn;
  };
  return {
    begun,
    next,
    heard: (type: string) => next({ kind: "event", event: { type } }),
    fails: (child: string, fields: object = {}, at = AT) => next(failure(actor, child, fields), at),
    wakes: (at: TurnAt) => next({ kind: "timer", timer: WAKE, generation: actor.record.timers[WAKE]?.generation ?? -1 }, at),
    get record() {
      return actor.record;
    },
    child: (id: string) => actor.record.children?.[id] as ChildRecord,
    get told() {
      return (actor.record.context as { heard: readonly string[] }).heard;
    },
  };
}

export function failure({ record }: Actor, child: string, fields: object): Exclude<Envelope, { kind: "start" }> {
  const error = { name: "Error", message: "no luck" };
  const event: ActorEvent = { type: `xstate.error.actor.${child}`, actorId: child, error };
  const activity = record.activities[child];
  if (activity !== undefined) return { kind: "settled", activity: child, generation: activity.generation, event, ...fields };
  return { kind: "report", child, generation: record.children?.[child]?.generation ?? -1, event, ...fields };
}

export const kinds = (turn: Turn): readonly string[] => turn.effects.map(({ kind }) => kind);
export const both = [
  ["in memory", false],
  ["stored", true],
] as const;
