import type { AnyActorScope, AnyMachineSnapshot } from "xstate";
import type { Actor } from "./actor.ts";
import { formatAddress, type Address } from "./address.ts";
import { isSimple, type Definition } from "./definition.ts";
import { guarded, scopeOf } from "./interpret.ts";
import type { ActorRecord } from "./record.ts";
import { ActorRef, refOfActivity, revived } from "./ref.ts";

/** An actor from its stored record. The record is not changed. @throws transition_threw when the machine no longer fits */
export function revive(definition: Definition, address: Address, record: ActorRecord): Actor {
  return { record, snapshot: snapshotOf(definition, address, record) };
}

export function snapshotOf(definition: Definition, address: Address, record: ActorRecord): AnyMachineSnapshot {
  const { relay } = scopeOf(definition);
  const stored = {
    status: record.status,
    value: record.value,
    // XState revives what it is given in place.
    context: revived(structuredClone(record.context), relay),
    historyValue: structuredClone(record.historyValue ?? {}),
    output: record.output,
    error: record.error,
    children: {},
  };
  const scope = openScope(definition, address, record);
  const snapshot = guarded(address, () => definition.machine.restoreSnapshot(stored as never, scope));
  const children = snapshot.children as Record<string, unknown> | undefined;
  if (children === undefined) return snapshot;
  for (const id of Object.keys(record.activities)) children[id] = new ActorRef(refOfActivity(address, id), id, relay);
  for (const [id, child] of Object.entries(record.children ?? {})) children[id] = new ActorRef(formatAddress(child), id, relay);
  return snapshot;
}

/** The definition's scope, emptied for a transition of this actor. A task's machine keeps no reference to itself, so its own is used again. */
export function openScope(definition: Definition, address: Address, record: Pick<ActorRecord, "parent"> | undefined): AnyActorScope {
  const scope = scopeOf(definition);
  if (isSimple(definition)) return scope.open(formatAddress(address));
  return scope.openFor(formatAddress(address), record?.parent === undefined ? undefined : formatAddress(record.parent));
}
