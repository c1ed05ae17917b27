import type { Address, StartLane } from "./address.ts";
import type { ActorEvent } from "./envelope.ts";
import type { Ticket } from "./permit.ts";
import type { OwedRecord, ParentRecord, ReplyRecord } from "./record.ts";
import type { RefText } from "./ref.ts";

/**
 * What a turn asks of the world, as data. Carried out only once the turn is committed, with one exception that DESIGN's second
 * invariant allows: an activity that may be re-run may start before.
 */
export type Effect =
  | { readonly kind: "run"; readonly activity: string; readonly generation: number }
  /** A worker that took offered work may begin. */
  | { readonly kind: "grant"; readonly activity: string; readonly generation: number }
  | { readonly kind: "halt"; readonly activity: string; readonly generation: number }
  | {
      readonly kind: "arm";
      readonly timer: string;
      readonly generation: number;
      readonly dueAt: number;
      readonly keeper: "host" | "server";
    }
  /** The task waits for a permit, of the gate of its type. */
  | {
      readonly kind: "queue";
      readonly ticket: Ticket;
      readonly lane: StartLane;
      readonly key: string;
      readonly deadlineAt?: number;
    }
  /** It waits no more, or gives its permit back. */
  | { readonly kind: "unqueue"; readonly ticket: Ticket }
  | { readonly kind: "disarm"; readonly timer: string; readonly generation: number; readonly keeper: "host" | "server" }
  | { readonly kind: "emit"; readonly event: ActorEvent }
  | { readonly kind: "log"; readonly label: string | undefined; readonly value: unknown }
  /** A child begins its life. */
  | {
      readonly kind: "spawn";
      readonly to: Address;
      readonly as: "actor" | "task";
      readonly input: unknown;
      readonly parent: ParentRecord;
      /** Of a child that only this parent's definition knows: it begins in its parent's version. */
      readonly version?: string;
    }
  | { readonly kind: "stop"; readonly to: Address; readonly by: Address }
  | { readonly kind: "send"; readonly to: RefText; readonly event: ActorEvent }
  /** A parent lets a child that was set aside go on. */
  | { readonly kind: "resume"; readonly to: Address; readonly by: Address }
  /** A child tells its parent how it is, or how it ended; or, where it failed and `lives`, what is wrong. */
  | { readonly kind: "report"; readonly to: ParentRecord; readonly event: ActorEvent; readonly lives?: true }
  /** For work of the actor's own that listens: for whichever runs by then, or, as a last word, for that which this turn stops. */
  | { readonly kind: "hand"; readonly activity: string; readonly event: ActorEvent; readonly generation?: number }
  /** A systemId is taken (`ref`), or given back by whoever `was` it: the root keeps the book. */
  | { readonly kind: "name"; readonly root: Address; readonly name: string; readonly ref: RefText | undefined; readonly was?: RefText }
  /** For whoever has a systemId: the root knows. */
  | { readonly kind: "relay"; readonly root: Address; readonly name: string; readonly event: ActorEvent }
  /** Whoever waits for a plan that acknowledges early is told that it has come so far. */
  | { readonly kind: "acknowledge" }
  /** An answer to whoever asked from outside. */
  | { readonly kind: "reply"; readonly reply: ReplyRecord }
  /** A custom action. `exec` is there unless the machine was loaded since. */
  | { readonly kind: "act"; readonly owed: OwedRecord; readonly exec: ((info: object, params: unknown) => unknown) | undefined };

/** Effects that are messages to other actors: they are stored in the commit of the turn that sends them. */
export type MailEffect = Extract<Effect, { kind: "spawn" | "stop" | "resume" | "send" | "report" | "name" | "relay" }>;

/** Effects that are messages in the commit of their turn: mail, and schedules that the server keeps. */
export type WrittenEffect = MailEffect | (Extract<Effect, { kind: "arm" | "disarm" }> & { readonly keeper: "server" });

export function isWritten(effect: Effect): effect is WrittenEffect {
  return effect.kind === "arm" || effect.kind === "disarm" ? effect.keeper === "server" : isMail(effect);
}

export function isMail(effect: Effect): effect is MailEffect {
  switch (effect.kind) {
    case "spawn":
    case "stop":
    case "resume":
    case "send":
    case "report":
    case "name":
    case "relay":
      return true;
    default:
      return false;
  }
}
