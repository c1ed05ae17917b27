/** The kit for tests of programs that use troupe: the memory adapter with its virtual clock and fault objects. No server, no real time. */
export { VirtualClock } from "./memory/clock.ts";
export { FaultPlan } from "./memory/faults.ts";
export { createWorld, type World, type WorldOptions } from "./memory/world.ts";
export { Host, type HostParts } from "./runtime/host.ts";
