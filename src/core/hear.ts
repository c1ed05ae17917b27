import type { Definition } from "./definition.ts";
import type { ActorEvent, Envelope } from "./envelope.ts";
import type { ActorRecord } from "./record.ts";
import { without } from "./draft.ts";
import { isEnd } from "./family.ts";

/** What an envelope brings: its event, and the record without what the envelope uses up. */
export interface Heard {
  readonly event: ActorEvent;
  readonly activities: ActorRecord["activities"];
  readonly timers: ActorRecord["timers"];
  readonly children: ActorRecord["children"];
  readonly ended: ActorRecord["ended"];
}

/** Undefined when the envelope comes too late, or is none for the machine. Late is what a past generation sent (invariant 8). */
export function hear(definition: Definition, record: ActorRecord, envelope: Exclude<Envelope, { kind: "start" }>): Heard | undefined {
  const { activities, timers, children, ended } = record;
  switch (envelope.kind) {
    case "event":
      return { event: envelope.event, activities, timers, children, ended };
    case "timer": {
      const timer = timers[envelope.timer];
      if (timer?.generation !== envelope.generation || timer.to !== undefined) return undefined;
      return { event: timer.event, activities, timers: without(timers, envelope.timer), children, ended };
    }
    case "settled": {
      if (activities[envelope.activity]?.generation !== envelope.generation) return undefined;
      return { event: envelope.event, activities: without(activities, envelope.activity), timers, children, ended };
    }
    case "report": {
      const child = children?.[envelope.child];
      if (child?.generation !== envelope.generation || ended?.includes(child.generation) === true) return undefined;
      if (envelope.since !== undefined && envelope.since !== record.createdAt) return undefined;
      // Not in the child's own entry: of a parent of thousands that would copy all entries for each end.
      const { event } = envelope;
      if (!isEnd(event)) return { event, activities, timers, children, ended };
      return { event, activities, timers, children, ended: ended === undefined ? [child.generation] : ended.concat(child.generation) };
    }
    case "stop":
      // An id that was in use already names somebody else's actor.
      if (record.parent?.type !== envelope.by.type || record.parent.id !== envelope.by.id) return undefined;
      return { event: definition.kind === "task" ? CANCEL : STOP, activities, timers, children, ended };
    default:
      return undefined;
  }
}

const STOP: ActorEvent = { type: "xstate.stop" };
const CANCEL: ActorEvent = { type: "cancel", reason: "Its parent stopped it" };
