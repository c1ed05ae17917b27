import { MAX_DELAY_MS, type ActorEvent } from "./envelope.ts";
import type { Effect } from "./effect.ts";
import type { ActivityRecord, ActorRecord, ChildRecord, TimerRecord } from "./record.ts";
import type { RefText } from "./ref.ts";

/** A timer that fires sooner is kept in the host's memory, its envelope unacknowledged; a longer one is a schedule in the server. */
export const SHORT_TIMER_MS = 3_000;

/** A parent's timer for the earliest restart that waits: see restarting.ts. */
export const WAKE = "troupe.restart";

/** A record's activities, timers and children while a turn is being written down. */
export class Draft {
  activities: Readonly<Record<string, ActivityRecord>>;
  timers: Readonly<Record<string, TimerRecord>>;
  children: Readonly<Record<string, ChildRecord>> | undefined;
  generation: number;
  effects: readonly Effect[] = NO_EFFECTS;
  readonly #now: number;
  readonly #ended: readonly number[] | undefined;
  /** The same to ask, and to take from. */
  #endedLeft: Set<number> | undefined;
  /** The children are a copy of this draft's own: those of the record stay as they are. */
  #ownsChildren = false;

  constructor(
    before: ActorRecord,
    open: Pick<ActorRecord, "activities" | "timers"> & { readonly children?: Draft["children"]; readonly ended?: Draft["ended"] },
    now: number,
  ) {
    this.activities = open.activities;
    this.timers = open.timers;
    this.children = open.children;
    this.generation = before.generation;
    this.#ended = open.ended;
    this.#now = now;
  }

  /** Most turns have one effect or none, so a short list is made to measure. */
  effect(effect: Effect): void {
    if (this.effects.length < FEW) this.effects = this.effects.length === 0 ? [effect] : [...this.effects, effect];
    else (this.effects as Effect[]).push(effect);
  }

  adopt(id: string, child: ChildRecord): void {
    const children = this.#ownChildren();
    const was = children[id];
    if (was !== undefined && was.generation !== child.generation && this.hasEnded(was)) this.#endedLeft?.delete(was.generation);
    children[id] = child;
  }

  /** A child whose end need not be heard of any more. */
  end({ generation }: ChildRecord): void {
    (this.#endedLeft ??= new Set(this.#ended)).add(generation);
  }

  lose(id: string): void {
    const children = this.#ownChildren();
    this.#endedLeft?.delete(children[id]?.generation ?? 0);
    delete children[id];
  }

  hasEnded({ generation }: ChildRecord): boolean {
    if (this.#ended === undefined && this.#endedLeft === undefined) return false;
    return (this.#endedLeft ??= new Set(this.#ended)).has(generation);
  }

  /** Of the children that are left, those whose end has been heard. */
  get ended(): readonly number[] | undefined {
    const left = this.#endedLeft;
    if (left === undefined) return this.#ended;
    return left.size === 0 ? undefined : [...left];
  }

  run(id: string, src: string, input: unknown, watched?: boolean, before?: Pick<ActivityRecord, "failures" | "earlierReruns">): void {
    const generation = ++this.generation;
    let activity: ActivityRecord =
      watched === true ? { src, generation, input, reruns: 0, watched } : { src, generation, input, reruns: 0 };
    if (before?.failures !== undefined) activity = { ...activity, failures: before.failures };
    if (before?.earlierReruns !== undefined) activity = { ...activity, earlierReruns: before.earlierReruns };
    this.activities = this.activities === NOTHING ? { [id]: activity } : { ...this.activities, [id]: activity };
    this.effect({ kind: "run", activity: id, generation });
  }

  halt(id: string): void {
    const activity = this.activities[id];
    if (activity === undefined) return;
    this.effect({ kind: "halt", activity: id, generation: activity.generation });
    this.activities = without(this.activities, id);
  }

  #ownChildren(): Record<string, ChildRecord> {
    if (!this.#ownsChildren) this.children = { ...this.children };
    this.#ownsChildren = true;
    return this.children as Record<string, ChildRecord>;
  }

  disarmAll(): void {
    for (const timer of Object.keys(this.timers)) this.disarm(timer);
  }

  /** Without a name it can never be cancelled, and gets one that nobody else has. */
  arm(name: string | undefined, event: ActorEvent, delayMs: number, to?: RefText): void {
    const waitMs = Math.max(0, delayMs);
    // Also false for what is no number. The server could not say when that is, and would not take the commit.
    if (!(waitMs <= MAX_DELAY_MS))
      throw new RangeError(`The delay of "${event.type}" is ${delayMs}: it must be a number of milliseconds, at most ${MAX_DELAY_MS}`);
    const generation = ++this.generation;
    const timer = name ?? `~${generation}`;
    const dueAt = this.#now + waitMs;
    const keeper = waitMs < SHORT_TIMER_MS ? "host" : "server";
    // A schedule in the server is replaced by the next of its name, and by nothing else.
    if (this.timers[timer] !== undefined && (keeper === "host" || this.timers[timer].keeper === "host")) this.disarm(timer);
    this.timers = { ...this.timers, [timer]: { generation, dueAt, event, keeper, ...(to === undefined ? {} : { to }) } };
    this.effect({ kind: "arm", timer, generation, dueAt, keeper });
  }

  disarm(timer: string): void {
    const armed = this.timers[timer];
    if (armed === undefined) return;
    this.timers = without(this.timers, timer);
    this.effect({ kind: "disarm", timer, generation: armed.generation, keeper: armed.keeper });
  }
}

const FEW = 4;

export const NO_EFFECTS: readonly Effect[] = Object.freeze([]);
export const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

export function without<T>(map: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  for (const other in map) {
    if (other === key) continue;
    const { [key]: _gone, ...rest } = map;
    return rest;
  }
  return NOTHING;
}
