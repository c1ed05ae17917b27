import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyStateMachine } from "xstate";
import type { Address } from "./address.ts";
import type { ActorEvent } from "./envelope.ts";
import type { Fault } from "./errors.ts";
import type { ChildType } from "./family.ts";
import type { RefText } from "./ref.ts";
import type { RetryPolicy } from "./retry.ts";
import type { RunLimits } from "./run-limits.ts";
import type { Supervision } from "./supervision.ts";
import type { Migration } from "./versions.ts";

/**
 * What a host knows about a type of actor. Made by `defineTask` and `defineActor`, and never changed afterwards.
 */
export interface Definition<TInput = unknown, TOutput = unknown, TEvent = unknown, TView = unknown> {
  readonly kind: "task" | "actor";
  /** What the machine is: a statechart, or a function of state and event that never ends by itself. */
  readonly logic: "machine" | "transition";
  readonly name: string;
  /** Whole numbers with dots between them: which one of two is older is known. */
  readonly version: string;
  /** Older ones kept beside this: their actors go on under them. */
  readonly versions?: readonly Definition[];
  /** From older versions on. */
  readonly migrations?: readonly Migration[];
  /** With every actor logic replaced by a stub: children are never evaluated in their parent's process. */
  readonly machine: AnyStateMachine;
  /** Structural hash of the machine: same version with another shape is a deployment mistake. */
  readonly shape: string;
  /** Work outside the turn, by the machine's name for it. */
  readonly activities: ReadonlyMap<string, Activity>;
  /** What else the machine starts: actors of their own, by the machine's name for them. */
  readonly children?: ReadonlyMap<string, ChildType>;
  /** What becomes of children that fail; without it the machine hears of every failure. */
  readonly supervision?: Supervision;
  /** The definitions of children that nobody else defines; a host that has this one has them too. */
  readonly cast?: readonly Definition[];
  readonly retention: Retention;
  /** How many attempts may run in the whole cluster, and begin in a second; absent where nothing limits them. */
  readonly limits?: RunLimits<never>;
  /** What becomes of an actor whose machine threw: set aside for a person to look at (the default), or ended in error. */
  readonly onThrow?: "park" | "fail";
  /** Whether every turn is kept for time travel. */
  readonly history: boolean;
  readonly inputSchema: StandardSchemaV1 | undefined;
  readonly outputSchema: StandardSchemaV1 | undefined;
  /** Of events from outside, by type: what they hold beside it. Others are not checked. */
  readonly eventSchemas?: EventSchemas;
  /** What a stored context has to do that this definition cannot: asked where another version or structure stored it. */
  readonly misfits?: (context: unknown) => readonly Fault[];
  /** Carries the types; never present at run time. */
  readonly "~types"?: { readonly input: TInput; readonly output: TOutput; readonly event: TEvent; readonly view: TView };
}

/** A task that one function does: what most hosts run most of, so its turns take short cuts that an actor with children may not. */
export function isSimple({ kind, children }: Definition): boolean {
  return kind === "task" && children === undefined;
}

/** A start of a task takes a slot before anything else, but for one that has to wait for its permit. */
export function beginsWithSlot({ kind, limits }: Definition): boolean {
  return kind !== "actor" && limits === undefined;
}

export type EventSchemas = Readonly<Record<string, StandardSchemaV1>>;

/** How long a finished actor's record is kept, by how it ended. At least a minute: the server keeps none for less. */
export interface Retention {
  readonly doneMs: number;
  readonly failedMs: number;
}

export interface Activity {
  readonly run: (context: ActivityContext) => unknown;
  /** What `run` gets, from the actor's context and what the machine said when it invoked. */
  readonly input: (context: unknown, invoked: unknown) => unknown;
  readonly onCrash: CrashPolicy;
  /** The longest one attempt may take; undefined for no limit. */
  readonly timeoutMs: number | undefined;
  /** The longest silence between heartbeats; undefined where none are expected. */
  readonly heartbeatTimeoutMs: number | undefined;
  /** How often and when it is tried again, before its failure is one; undefined for never. A task's machine has its own. */
  readonly retry?: RetryPolicy;
  /** It may last as long as its actor: it takes no slot, and nobody waits for its end. */
  readonly isLasting?: boolean;
  /** What a host must have to run it; absent where any host does. */
  readonly labels?: readonly string[];
}

/** What logic with a start of its own (promise, callback, observable) gets beside what a task's function does. */
export interface ActivityLink {
  /** The machine's id for it. */
  readonly name: string;
  /** An event for the actor whose work this is. */
  tell(event: ActorEvent): void;
  /** An event for whoever a reference names. Stored, by the same rules as what a custom action sends. */
  send(to: RefText, event: ActorEvent): void;
  /** Hears what the actor sends it, and what it was sent before. */
  listen(heard: (event: ActorEvent) => void): void;
  /** Whether the machine wants to hear of its states. */
  readonly watched: boolean;
}

/**
 * What becomes of work whose host died: `rerun` starts it again (at least once); `fail` and `park` never do (at most once).
 */
export type CrashPolicy = "rerun" | "fail" | "park";

/** What user code gets. One per attempt; its parts are made when they are first used. */
export interface ActivityContext<TInput = unknown> {
  readonly actor: Address;
  readonly input: TInput;
  /** 1 for the first; counts retries and reruns after a crash. */
  readonly attempt: number;
  /** The owner's fence: rises with every take-over. Pass it on to systems that can refuse an older one. */
  readonly epoch: number;
  /** Aborts on cancel, timeout, missed heartbeat, a lost partition and a stopping host; the reason is a TroupeError. */
  readonly signal: AbortSignal;
  /** Published for watchers, at most once, never stored. */
  readonly progress: (value: unknown) => void;
  /** A sign of life, for work with a heartbeat timeout. */
  readonly heartbeat: () => void;
  readonly log: ActivityLog;
}

export interface ActivityLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
