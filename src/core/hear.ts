import type { Definition } from "./definition.ts";
import type { ActorEvent, Envelope } from "./envelope.ts";
import { isEndEvent } from "./family.ts";
import type { ActorRecord } from "./record.ts";
import { without } from "./draft.ts";

/** What an envelope brings: its event, and the record without what the envelope uses up. */
export interface Heard {
  readonly event: ActorEvent;
  readonly activities: ActorRecord["activities"];
  readonly timers: ActorRecord["timers"];
  readonly children: ActorRecord["children"];
}

/** Undefined when the envelope comes too late, or is none for the machine. Late is what a past generation sent (invariant 8). */
export function hear(definition: Definition, record: ActorRecord, envelope: Exclude<Envelope, { kind: "start" }>): Heard | undefined {
  const { activities, timers, children } = record;
  switch (envelope.kind) {
    case "event":
      return { event: envelope.event, activities, timers, children };
    case "timer": {
      const timer = timers[envelope.timer];
      if (timer?.generation !== envelope.generation || timer.to !== undefined) return undefined;
      return { event: timer.event, activities, timers: without(timers, envelope.timer), children };
    }
    case "settled": {
      if (activities[envelope.activity]?.generation !== envelope.generation) return undefined;
      return { event: envelope.event, activities: without(activities, envelope.activity), timers, children };
    }
    case "report": {
      const child = children?.[envelope.child];
      if (children === undefined || child?.generation !== envelope.generation || child.ended === true) return undefined;
      if (!isEndEvent(envelope.event)) return { event: envelope.event, activities, timers, children };
      // A plan has no more use for a child that has ended.
      const after =
        definition.kind === "task"
          ? without(children, envelope.child)
          : { ...children, [envelope.child]: { ...child, ended: true as const } };
      return { event: envelope.event, activities, timers, children: after };
    }
    case "stop":
      // An id that was in use already names somebody else's actor.
      if (record.parent?.type !== envelope.by.type || record.parent.id !== envelope.by.id) return undefined;
      return { event: definition.kind === "task" ? CANCEL : STOP, activities, timers, children };
    default:
      return undefined;
  }
}

const STOP: ActorEvent = { type: "xstate.stop" };
const CANCEL: ActorEvent = { type: "cancel", reason: "Its parent stopped it" };
