import { __unsafe_getAllOwnEventDescriptors as eventDescriptorsOf } from "xstate";
import type { Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import type { ActorEvent } from "./envelope.ts";
import { guarded } from "./interpret.ts";
import type { ActorRecord } from "./record.ts";
import { snapshotOf } from "./revival.ts";

/*
 * What an actor's present state takes. Answered from its record and its definition, nothing is turned; by the time an event arrives
 * the state may be another.
 */

/** The types of events, `*` and `order.*` included, that the state has transitions for; guards are not asked. */
export function accepted(definition: Definition, address: Address, record: ActorRecord): readonly string[] {
  if (record.status !== "active") return [];
  const resuming = record.parked === undefined ? [] : ["retry"];
  // A function of state and event takes them all.
  if (definition.logic === "transition") return ["*", ...resuming];
  const descriptors: readonly string[] = eventDescriptorsOf(snapshotOf(definition, address, record));
  return [...new Set([...descriptors.filter((type) => !isReserved(type)), ...resuming])];
}

/** Whether this event would do something now, as XState's `snapshot.can` has it. @throws transition_threw where a guard throws */
export function canTake(definition: Definition, address: Address, record: ActorRecord, event: ActorEvent): boolean {
  if (record.status !== "active") return false;
  if (record.parked !== undefined && event.type === "retry") return true;
  if (definition.logic === "transition") return true;
  return guarded(address, () => snapshotOf(definition, address, record).can(event));
}

/** The words of XState and of hosts, which nobody else may send. */
function isReserved(type: string): boolean {
  return type.startsWith("xstate.") || type.startsWith("troupe.") || type === "";
}
