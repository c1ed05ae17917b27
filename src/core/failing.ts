import type { AnyMachineSnapshot } from "xstate";
import type { Actor, Turn, TurnAt } from "./actor.ts";
import type { Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import { finish } from "./finish.ts";
import { openScope, snapshotOf } from "./revival.ts";

/** An actor whose machine threw, where its definition says that this ends it: as XState has it, and with its tree. */
export function failed(definition: Definition, address: Address, actor: Actor, error: unknown, at: TurnAt): Turn {
  const { record } = actor;
  const snapshot = actor.snapshot ?? snapshotOf(definition, address, record);
  openScope(definition, address, record);
  const next = { ...snapshot, status: "error", error } as unknown as AnyMachineSnapshot;
  const { activities, timers, children, ended } = record;
  return finish({ definition, address, before: record }, snapshot, next, { activities, timers, children, ended }, at);
}
