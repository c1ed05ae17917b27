import type { AnyStateMachine } from "xstate";
import { addressOf } from "../../src/core/address.ts";
import type { Definition } from "../../src/core/definition.ts";
import type { Effect } from "../../src/core/effect.ts";
import type { Envelope, StartOptions } from "../../src/core/envelope.ts";
import { shapeOf } from "../../src/core/shape.ts";
import { start, take, type Actor, type Turn, type TurnAt } from "../../src/core/turn.ts";
import { stubLogic } from "../../src/core/stub.ts";
import { defineTask, type TaskOptions } from "../../src/define.ts";

/** One task's life, told turn by turn without a host: what the pure tests drive. */
export const ADDRESS = addressOf("resize", "42");
export const NOW = 1_800_000_000_000;
export const AT: TurnAt = { now: NOW, epoch: 7 };

type Later = Exclude<Envelope, { kind: "start" }>;

export function taskOf(options: Partial<TaskOptions<unknown, unknown>> = {}): Definition {
  return defineTask({ name: "resize", run: () => undefined, ...options });
}

/** A definition around any machine: its children are work, as a task's is. */
export function definitionOf(machine: AnyStateMachine, ...children: readonly string[]): Definition {
  const stubbed = machine.provide({ actors: Object.fromEntries(children.map((src) => [src, stubLogic as never])) });
  return { ...taskOf(), machine: stubbed, shape: shapeOf(stubbed) };
}

export function begun(definition: Definition, input: unknown = null, options: Partial<StartOptions> = {}, at: TurnAt = AT): Turn {
  return start(definition, ADDRESS, { kind: "start", input, delayMs: 0, ...options }, at);
}

export function heard(type: string, fields: Readonly<Record<string, unknown>> = {}): Later {
  return { kind: "event", event: { ...fields, type } };
}

/** The end of the work that runs now. */
export function succeeded(actor: Actor, output?: unknown, activity = "run"): Later {
  return settled(actor, { type: `xstate.done.actor.${activity}`, actorId: activity, output }, activity);
}

export function failed(actor: Actor, error: unknown = { name: "Error", message: "no luck" }, activity = "run"): Later {
  return settled(actor, { type: `xstate.error.actor.${activity}`, actorId: activity, error }, activity);
}

function settled(actor: Actor, event: { type: string; [field: string]: unknown }, activity: string): Later {
  return { kind: "settled", activity, generation: actor.record.activities[activity]?.generation ?? -1, event };
}

/** The timer that is armed, when it is due. */
export function fired(actor: Actor, timer = Object.keys(actor.record.timers)[0] ?? "none"): Later {
  return { kind: "timer", timer, generation: actor.record.timers[timer]?.generation ?? -1 };
}

export function next(definition: Definition, actor: Actor, envelope: Later, at: TurnAt = AT): Turn {
  return take(definition, ADDRESS, actor, envelope, at);
}

/** A task brought through the given turns, each envelope made from the actor as it then stands. */
export function lived(
  definition: Definition,
  steps: readonly ((actor: Actor) => Later)[],
  options: Partial<StartOptions> = {},
): { readonly actor: Actor; readonly effects: readonly Effect[] } {
  let turn = begun(definition, null, options);
  const effects = [...turn.effects];
  for (const step of steps) {
    turn = next(definition, turn.actor, step(turn.actor));
    effects.push(...turn.effects);
  }
  return { actor: turn.actor, effects };
}

export const begin = (): Later => heard("troupe.begin");
export const cancel = (): Later => heard("cancel");
export const expire = (): Later => heard("troupe.expire");
/** What a host sends to a task that asked for a later moment. */
export const delay = (): Later => heard("troupe.delay");

/** Freezes plain data all the way down, so that whoever changes it throws. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}

/** An actor whose every part but XState's own machine would refuse a change. */
export function frozenActor(actor: Actor): Actor {
  frozen(actor.record);
  const { snapshot } = actor;
  if (snapshot === undefined) return Object.freeze({ record: actor.record });
  frozen(snapshot.context);
  frozen(snapshot.value);
  for (const children of [snapshot.children, snapshot.historyValue]) Object.freeze(children);
  return Object.freeze({ record: actor.record, snapshot: Object.freeze(snapshot) });
}
