import type { AnyMachineSnapshot } from "xstate";
import type { Effect } from "./effect.ts";
import type { ActorEvent } from "./envelope.ts";
import type { ActivityRecord, ActorRecord, TimerRecord } from "./record.ts";
import { ChildRef } from "./scope.ts";

/** A timer that fires sooner is kept in the host's memory, its envelope unacknowledged; a longer one is a schedule in the server. */
export const SHORT_TIMER_MS = 3_000;

/** The parts of XState's action objects that are read; never their `exec`. Pinned by test/core/xstate-contract.test.ts. */
export interface CollectedAction {
  readonly type: string;
  readonly params: {
    readonly event?: ActorEvent;
    readonly id?: string;
    readonly delay?: number;
    readonly sendId?: string;
    readonly label?: string;
    readonly value?: unknown;
  };
}

/** A record's activities and timers while a turn is being written down. */
export class Draft {
  activities: Readonly<Record<string, ActivityRecord>>;
  timers: Readonly<Record<string, TimerRecord>>;
  generation: number;
  effects: readonly Effect[] = NO_EFFECTS;
  readonly #now: number;

  constructor(before: ActorRecord, open: Pick<ActorRecord, "activities" | "timers">, now: number) {
    this.activities = open.activities;
    this.timers = open.timers;
    this.generation = before.generation;
    this.#now = now;
  }

  /** Most turns have one effect or none, so the list is made to measure. */
  effect(effect: Effect): void {
    this.effects = this.effects.length === 0 ? [effect] : [...this.effects, effect];
  }

  /** Children are compared by identity: the same id with another reference was stopped and started again. */
  spawned(before: Children, next: AnyMachineSnapshot): void {
    for (const [id, child] of Object.entries(next.children as Children)) {
      if (child === undefined || child === before[id]) continue;
      const src = child.src as string;
      this.run(id, src, child.options?.input);
      setChild(next, id, new ChildRef(id, src));
    }
  }

  run(id: string, src: string, input: unknown): void {
    const generation = ++this.generation;
    const activity = { src, generation, input, reruns: 0 };
    this.activities = this.activities === NOTHING ? { [id]: activity } : { ...this.activities, [id]: activity };
    this.effect({ kind: "run", activity: id, generation });
  }

  halt(id: string): void {
    const activity = this.activities[id];
    if (activity === undefined) return;
    this.effect({ kind: "halt", activity: id, generation: activity.generation });
    this.activities = without(this.activities, id);
  }

  stopped(before: Children, after: Children): void {
    for (const id of Object.keys(before)) {
      if (after[id] === undefined) this.halt(id);
    }
  }

  action({ type, params }: CollectedAction): void {
    if (type === "xstate.raise" && params.delay !== undefined && params.event !== undefined)
      this.#arm(params.id ?? params.event.type, params.event, params.delay);
    else if (type === "xstate.cancel" && params.sendId !== undefined) this.#disarm(params.sendId);
    else if (type === "xstate.emit" && params.event !== undefined) this.effect({ kind: "emit", event: params.event });
    else if (type === "xstate.log") this.effect({ kind: "log", label: params.label, value: params.value });
  }

  disarmAll(): void {
    for (const timer of Object.keys(this.timers)) this.#disarm(timer);
  }

  #arm(timer: string, event: ActorEvent, delayMs: number): void {
    const generation = ++this.generation;
    const dueAt = this.#now + delayMs;
    const keeper = delayMs < SHORT_TIMER_MS ? "host" : "server";
    this.timers = { ...this.timers, [timer]: { generation, dueAt, event, keeper } };
    this.effect({ kind: "arm", timer, generation, dueAt, keeper });
  }

  #disarm(timer: string): void {
    const armed = this.timers[timer];
    if (armed === undefined) return;
    this.timers = without(this.timers, timer);
    this.effect({ kind: "disarm", timer, generation: armed.generation, keeper: armed.keeper });
  }
}

interface Child {
  readonly src?: unknown;
  readonly options?: { readonly input?: unknown };
}
export type Children = Readonly<Record<string, Child | undefined>>;

export const NO_EFFECTS: readonly Effect[] = Object.freeze([]);
export const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

export function setChild(snapshot: AnyMachineSnapshot, id: string, child: ChildRef): void {
  (snapshot.children as Record<string, unknown>)[id] = child;
}

export function without<T>(map: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  for (const other in map) {
    if (other === key) continue;
    const { [key]: _gone, ...rest } = map;
    return rest;
  }
  return NOTHING;
}
