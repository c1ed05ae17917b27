import { assign, setup } from "xstate";
import { expect } from "vitest";
import type { Migrate } from "../../src/core/versions.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import type { HostOptions, Process } from "./process.ts";
import { Stand } from "./stage.ts";

export interface Context {
  readonly heard: readonly string[];
}

const hear = assign<Context, never, undefined, never, never>({
  heard: ({ context, event }) => [...context.heard, (event as { type: string }).type],
});
const heardBy = (...types: string[]) => Object.fromEntries(types.map((type) => [type, { actions: hear as never }]));

/** Packs, then ships; what it hears it remembers. */
const v1 = setup({ types: { context: {} as Context } }).createMachine({
  id: "order",
  context: { heard: [] },
  initial: "packing",
  states: { packing: { on: { go: "shipping", ...heardBy("a", "b", "c") } }, shipping: { on: { done: "over" } }, over: { type: "final" } },
});
/** One more state; none is missing. */
export const wider = setup({ types: { context: {} as Context } }).createMachine({
  id: "order",
  context: { heard: [] },
  initial: "packing",
  states: {
    packing: { on: { check: "checking", go: "shipping", ...heardBy("a", "b", "c") } },
    checking: {},
    shipping: { on: { done: "over" } },
    over: { type: "final" },
  },
});
/** `packing` has another name. */
export const renamed = setup({ types: { context: {} as Context } }).createMachine({
  id: "order",
  context: { heard: [] },
  initial: "boxing",
  states: {
    boxing: { on: { go: "shipping", ...heardBy("a", "b", "c", "retry") } },
    shipping: { on: { done: "over" } },
    over: { type: "final" },
  },
});

export type Options = Omit<ActorOptions<typeof v1>, "name" | "machine"> & { readonly machine?: typeof v1 | typeof wider | typeof renamed };
export const order = ({ machine = v1, ...options }: Options) => defineActor({ name: "order", machine: machine as typeof v1, ...options });
export const box: Migrate = ({ value, ...rest }) => ({ ...rest, value: value === "packing" ? "boxing" : value });

/** Each host in turn has the next of these definitions. */
export const deploys = (...versions: readonly Options[]): Stand =>
  new Stand({ tasks: ({ name }) => [order(versions[Number(name.slice(5)) - 1] ?? {})] });

export const record = (stand: Stand) => stand.record("order", "7");
export const heard = (stand: Stand) => (record(stand)?.context as Context | undefined)?.heard;
export const lastWarnings = (stand: Stand) => (stand.processes.at(-1) as Process).warnings;

/** By then what was heard does not come again; where something before it waits, it takes as long as `LATER_PURGED_MS`. */
const PURGED_MS = 1_500;
export const LATER_PURGED_MS = 11_000;

/** `order/7` on a host with the first version, which then dies; and a host with the next one. */
export async function redeployed(stand: Stand, sendMeanwhile: () => void = () => {}, options: HostOptions = {}): Promise<Process> {
  const first = await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "a" });
  await stand.settle();
  expect(record(stand)).toMatchObject({ version: "1", value: "packing", context: { heard: ["a"] } });
  return replaced(stand, first, sendMeanwhile, options);
}

export async function replaced(
  stand: Stand,
  host: Process,
  sendMeanwhile: () => void = () => {},
  options: HostOptions = {},
): Promise<Process> {
  await stand.advance(PURGED_MS);
  host.kill();
  sendMeanwhile();
  const next = await stand.open(options);
  await stand.until(() => next.phases.every((phase) => phase === "running"));
  await stand.settle();
  return next;
}
