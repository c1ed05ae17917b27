import { assign, fromPromise, sendParent, setup } from "xstate";
import { decodeRecord } from "../../src/core/codec.ts";
import { asRecord, type ActorRecord } from "../../src/core/record.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import type { SuperviseOptions } from "../../src/supervise.ts";
import type { Process } from "./process.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** A child that can fail in every way, and counts what it hears. */
const kidOf = (process: Process, runs: string[]) =>
  setup({
    types: { context: {} as { input: string; heard: number }, input: {} as string },
    actors: {
      death: fromPromise(() => Promise.reject(new Error("died"))),
      work: fromPromise<number, string>(async ({ input }) => {
        if (process.isDead) return new Promise<never>(() => {});
        runs.push(input);
        await process.pause(5_000);
        return 1;
      }),
    },
  }).createMachine({
    id: "kid",
    context: ({ input }) => ({ input, heard: 0 }),
    initial: "idle",
    on: {
      count: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
      boom: {
        actions: assign(() => {
          throw new Error("boom");
        }),
      },
      tell: { actions: sendParent(({ context }) => ({ type: "told", by: context.input })) },
      die: ".dying",
      work: ".working",
      end: ".over",
    },
    states: {
      idle: {},
      dying: { invoke: { id: "death", src: "death" } },
      working: {
        invoke: { id: "work", src: "work", input: ({ context }) => context.input, onDone: { actions: assign({ heard: 100 }) } },
        after: { 2_000: { actions: assign({ heard: 50 }) } },
      },
      over: { type: "final" },
    },
  });

const parentOf = (process: Process, runs: string[]) =>
  setup({
    types: { context: {} as { heard: readonly string[] } },
    actors: { kid: kidOf(process, runs) },
    actions: { hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
  }).createMachine({
    id: "crew",
    context: { heard: [] },
    initial: "busy",
    on: { "xstate.done.actor.*": { actions: "hear" }, told: { actions: "hear" } },
    states: {
      busy: {
        invoke: ["a", "b", "c"].map((id) => ({ id, src: "kid" as const, input: id.toUpperCase() })),
        on: { idle: "idle", close: "closed" },
      },
      idle: { on: { go: "busy" } },
      closed: { type: "final" },
    },
  });

/** `crew/1` with children a, b and c under supervision, on a host of its own. */
export function crewStand(supervise: SuperviseOptions | undefined, options: StandOptions & Pick<ActorOptions<never>, "onThrow"> = {}) {
  const runs: string[] = [];
  const { onThrow = "park", ...world } = options;
  const stand = new Stand({
    ...world,
    tasks: (process) => [
      defineActor({ name: "crew", machine: parentOf(process, runs), onThrow, ...(supervise === undefined ? {} : { supervise }) }),
    ],
  });
  return { stand, runs };
}

export async function crewOf(supervise: SuperviseOptions | undefined, options: Parameters<typeof crewStand>[1] = {}) {
  const { stand, runs } = crewStand(supervise, options);
  const host = await stand.open();
  stand.start("crew", "1");
  await stand.settle();
  return { stand, host, runs };
}

export const crew = (stand: Stand): ActorRecord => stand.record("crew", "1") as ActorRecord;
export const idOf = (stand: Stand, child: string): string => crew(stand).children?.[child]?.id ?? "";
export const kid = (stand: Stand, child: string): ActorRecord | undefined => stand.record("crew-kid", idOf(stand, child));
export const heard = (stand: Stand): readonly string[] => (crew(stand).context as { heard: readonly string[] }).heard;
/** To the child that has this id now. */
export const tell = (stand: Stand, child: string, type: string): number => stand.send("crew-kid", idOf(stand, child), { type });

/** Every child of the crew that is alive, wherever it came from. */
export function alive(stand: Stand, type = "crew-kid"): readonly string[] {
  return [...stand.world.records].flatMap(([key, bytes]) => {
    const { status, parked } = asRecord(decodeRecord(bytes));
    return key.startsWith(`${type}/`) && status === "active"
      ? [`${key.slice(type.length + 1)}${parked === undefined ? "" : " parked"}`]
      : [];
  });
}
