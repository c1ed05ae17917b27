import { fromPromise, setup, type AnyActorLogic, type StateValue } from "xstate";
import type { Definition } from "../../src/core/definition.ts";
import type { Fit } from "../../src/core/fit.ts";
import type { ActorRecord } from "../../src/core/record.ts";
import { start } from "../../src/core/turn.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import { AT } from "./life.ts";

/** Records as if another version had stored them. */
export const ADDRESS = { type: "order", id: "7" };
export const parts = setup({
  actors: { charge: fromPromise(async () => 1), parcel: setup({}).createMachine({ id: "parcel" }) },
  delays: { patience: 9_000 },
});
type Options = Omit<ActorOptions<AnyActorLogic>, "name" | "machine">;
export const define = (machine: AnyActorLogic, options: Options = {}) => defineActor({ name: "order", machine, ...options }) as Definition;
export const order = (config: object, options: Options = {}) => define(parts.createMachine({ id: "order", ...config } as never), options);

export const stored = (definition: Definition, input?: unknown): ActorRecord =>
  start(definition, ADDRESS, { kind: "start", input, delayMs: 0 }, AT).actor.record;
/** A record as if version 1 had stored it. */
export const at = (value: StateValue, more: Partial<ActorRecord> = {}): ActorRecord => ({
  ...stored(order({})),
  shape: "of version 1",
  value,
  ...more,
});
export const moved = (found: Fit) => {
  if (found.kind !== "moved") throw new Error(`${found.kind}: ${found.kind === "misfit" ? found.error.message : ""}`);
  return found;
};
export const misfit = (found: Fit) =>
  found.kind === "misfit" ? { code: found.error.code, faults: found.error.faults, message: found.error.message } : found.kind;
