import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyActorLogic, EventFromLogic, InputFrom, OutputFrom, SnapshotFrom, StateValue } from "xstate";
import { ActorView } from "./actor-view.ts";
import type { Address } from "./core/address.ts";
import { decodeRecord } from "./core/codec.ts";
import type { Definition, EventSchemas } from "./core/definition.ts";
import type { ActorEvent } from "./core/envelope.ts";
import { asRecord, type ActorRecord } from "./core/record.ts";
import { queuedTask, TASK_STATES, taskViewOf, type TaskView } from "./task-view.ts";

/** An actor as outsiders see it: `kind` says whether in the words of tasks or in those of its own machine. */
export type View<TOutput = unknown> = TaskView<TOutput> | ActorView<StateValue, unknown, TOutput>;

/** How far an actor is, whatever it is: a task that failed or expired is in error. */
export const STATUSES = ["active", "done", "error", "stopped"] as const;
export type Status = (typeof STATUSES)[number];

/** What `defineActor` makes of a machine's types, or of those of transition logic. */
export type ActorDefinition<TLogic extends AnyActorLogic, TEvents extends EventSchemas = never> = Definition<
  InputFrom<TLogic>,
  OutputFrom<TLogic>,
  SentTo<EventFromLogic<TLogic>, TEvents>,
  ActorView<ValueOf<SnapshotFrom<TLogic>>, ContextOf<SnapshotFrom<TLogic>>, OutputFrom<TLogic>>
>;

/** Schemas that make what the machine's events hold beside their type, and the reference that an ask adds. */
export type SchemasFor<TLogic extends AnyActorLogic> = {
  readonly [TType in EventFromLogic<TLogic>["type"]]?: StandardSchemaV1<
    unknown,
    Omit<Extract<EventFromLogic<TLogic>, { type: TType }>, "type" | "replyTo">
  >;
};

/** Nothing may stand for a type of events that the machine does not know. */
export type OnlyKnown<TLogic extends AnyActorLogic, TEvents extends EventSchemas> = string extends keyof TEvents
  ? unknown
  : { readonly [TType in Exclude<keyof TEvents, EventFromLogic<TLogic>["type"]>]: never };

/** What a sender gives: what the schema takes, where there is one. A machine that types no events takes those with a schema. */
type SentTo<TEvent extends { type: string }, TEvents extends EventSchemas> = [TEvents] extends [never]
  ? TEvent
  : string extends TEvent["type"]
    ? Fitting<keyof TEvents & string, TEvents>
    : TEvent extends unknown
      ? TEvent["type"] extends keyof TEvents
        ? Fitting<TEvent["type"] & keyof TEvents & string, TEvents>
        : TEvent
      : never;
type Fitting<TType extends string, TEvents extends EventSchemas> = TType extends unknown
  ? { readonly type: TType } & StandardSchemaV1.InferInput<TEvents[TType] & StandardSchemaV1>
  : never;

type ValueOf<TSnapshot> = TSnapshot extends { readonly value: infer TValue } ? TValue : StateValue;
type ContextOf<TSnapshot> = TSnapshot extends { readonly context: infer TContext } ? TContext : unknown;

/** What a definition says of its actors; where only a name is known, as much as is true of all. */
type TypesOf<TDefinition extends Definition> = NonNullable<TDefinition["~types"]>;
export type InputOf<TDefinition extends Definition> = TypesOf<TDefinition>["input"];
export type OutputOf<TDefinition extends Definition> = TypesOf<TDefinition>["output"];
export type EventOf<TDefinition extends Definition> = Known<TypesOf<TDefinition>["event"], ActorEvent>;
export type ViewOf<TDefinition extends Definition> = Known<TypesOf<TDefinition>["view"], View>;
type Known<T, TOtherwise> = unknown extends T ? TOtherwise : T;

/** The same events without the reference that an ask adds. */
export type AskOf<TDefinition extends Definition> = WithoutReply<EventOf<TDefinition>>;
type WithoutReply<TEvent> = TEvent extends { readonly replyTo: unknown } ? Omit<TEvent, "replyTo"> : TEvent;

/** @throws bad_payload when the record was written by a later troupe */
export function viewOf(address: Address, bytes: Uint8Array): View {
  return viewOfRecord(address, asRecord(decodeRecord(bytes)));
}

export function viewOfRecord(address: Address, record: ActorRecord): View {
  return record.kind === "actor" ? new ActorView(address, record) : taskViewOf(address, record);
}

/** A start that no host has taken up yet: in the words of tasks, whatever it will be. */
export function queuedView(address: Address): View {
  return queuedTask(address);
}

export function hasEnded(view: View): boolean {
  return statusOf(view) !== "active";
}

export function statusOf(view: View): Status {
  if (view.kind === "actor") return view.status;
  if (view.state === "undo" || view.state === "doing") return "active";
  return view.state === "done" ? "done" : "error";
}

/** The state with those inside, for people. */
export function pathOf(view: View): string {
  return view.kind === "actor" ? view.state : view.path;
}

/** Whether it is in a state: a task's word, or a path such as `paying` or `paying.asked`. */
export function isIn(view: View, state: string): boolean {
  return pathOf(view) === state || (view.kind === "actor" ? view.matches(state) : view.state === state);
}

/** A task's words, which every filter of tasks by state must be one of. */
export function isTaskState(word: string): boolean {
  return (TASK_STATES as readonly string[]).includes(word);
}
