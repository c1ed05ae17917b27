import type { StateValue } from "xstate";
import type { Address } from "./address.ts";
import type { WrittenEffect } from "./effect.ts";
import type { ErrorRecord } from "./errors.ts";
import { TroupeError } from "./errors.ts";
import type { ActorEvent, Envelope } from "./envelope.ts";
import type { OfferRecord } from "./offer.ts";
import type { PermitRecord } from "./permit.ts";
import type { RefText } from "./ref.ts";
import type { SupervisionRecord } from "./supervision.ts";

/**
 * What is stored of an actor: one message on `state.<type>.<id>`, replaced by every commit. Made by the turn, encoded by the
 * codec. Fields are compatible for ever once released; a new shape gets a new `v`. test/golden holds one of each.
 */
export interface ActorRecord {
  readonly v: 1;
  /** Absent for tasks. */
  readonly kind?: "actor";
  /** 1 for the first commit of this actor, then rising by one per commit's last turn. */
  readonly revision: number;
  /** The fence under which it was written. */
  readonly epoch: number;
  /** The definition's version and the structural hash of its machine. */
  readonly version: string;
  readonly shape: string;
  readonly status: "active" | "done" | "error" | "stopped";
  readonly value: StateValue;
  readonly context: unknown;
  readonly historyValue?: unknown;
  readonly output?: unknown;
  readonly error?: ErrorRecord;
  /** Work outside the turn that has started and not settled, by its id in the machine. */
  readonly activities: Readonly<Record<string, ActivityRecord>>;
  /** Timers that are armed, by their id in the machine. */
  readonly timers: Readonly<Record<string, TimerRecord>>;
  /** Children that are actors of their own, by their id in the machine. */
  readonly children?: Readonly<Record<string, ChildRecord>>;
  /** Generations of those among them whose end has been heard: they need not be stopped, and say nothing more. */
  readonly ended?: readonly number[];
  /** Whose child it is. */
  readonly parent?: ParentRecord;
  /** At the root of a tree: the systemIds taken in it, and by whom. */
  readonly names?: Readonly<Record<string, RefText>>;
  /** What its supervisor part remembers: restarts within the window, and the newest failure. */
  readonly supervision?: SupervisionRecord;
  /** Custom actions of turns that are stored, until they have run. */
  readonly owed?: readonly OwedRecord[];
  /** Answers of turns that are stored, until the server is known to have them. */
  readonly replies?: readonly ReplyRecord[];
  /** Mail and schedules that the commits so far had no room for. */
  readonly outbox?: readonly WrittenEffect[];
  /** Per source, the highest sequence absorbed. */
  readonly marks: Readonly<Record<string, number>>;
  /** Counts activities, timers and children, so that each has a generation of its own. */
  readonly generation: number;
  readonly parked?: Parked;
  /** Of a task whose type is limited. */
  readonly permit?: PermitRecord;
  readonly deadlineAt?: number;
  readonly replyTo?: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ActivityRecord {
  readonly src: string;
  readonly generation: number;
  readonly input: unknown;
  /** How often it was started again after its host died. */
  readonly reruns: number;
  /** How often it failed and was tried again. */
  readonly failures?: number;
  /** How often attempts that failed had been started again: they have used up as many numbers. */
  readonly earlierReruns?: number;
  /** The machine hears of its states. */
  readonly watched?: true;
  /** It does not run but waits until then, epoch ms, to begin again. */
  readonly dueAt?: number;
  /** Not its owner runs it, but whoever takes it. */
  readonly offer?: OfferRecord;
}

export interface TimerRecord {
  readonly generation: number;
  readonly dueAt: number;
  readonly event: ActorEvent;
  /** Who gets the event; absent for the actor itself. */
  readonly to?: RefText;
  /** `host`: in memory while the envelope that armed it stays unacknowledged; `server`: a schedule that needs no host. */
  readonly keeper: "host" | "server";
}

export interface ChildRecord extends Address {
  readonly generation: number;
  readonly src: string;
  readonly kind: "actor" | "task";
  readonly systemId?: string;
  /** Of one that began under supervision: what it takes to begin it again. */
  readonly first?: { readonly input: unknown; readonly watched?: true };
  /** It has ended and waits until then, epoch ms, to be restarted. */
  readonly dueAt?: number;
  /** What its parent sent it meanwhile. */
  readonly held?: readonly ActorEvent[];
}

export interface ParentRecord extends Address {
  /** The child's id in its parent's machine, and which one of that id. */
  readonly child: string;
  readonly generation: number;
  /** When the parent was created, epoch ms: an id is used again once its record has expired, and generations begin anew with it. */
  readonly since?: number;
  readonly root: Address;
  /** The parent hears of every state. */
  readonly watches?: true;
  /** The parent decides what becomes of it when it fails. */
  readonly supervises?: true;
  /** The parent sums up its children's progress. */
  readonly counts?: true;
}

/** A custom action that a stored turn asked for. Run after its commit, at least once. */
export interface OwedRecord {
  /** The same however often it runs: for systems that can tell a repetition. */
  readonly key: string;
  /** Its name in the machine, or its place where it was written inline; "" where it could not be found again. */
  readonly action: string;
  readonly params?: unknown;
  readonly event: ActorEvent;
  /** What the machine knew then. */
  readonly context: unknown;
}

/** An answer to whoever asked from outside. Sent after its commit, at least once; whoever asked takes the first. */
export interface ReplyRecord {
  /** The subject that the asker waits on. */
  readonly to: string;
  readonly answer: ActorEvent | Refusal;
}

/** What an ask is told that nobody will answer. */
export interface Refusal {
  readonly error: ErrorRecord;
}

/** An actor that waits for a person, or for a definition that fits: its last good record is kept, nothing is lost, and it can be resumed. */
export interface Parked {
  readonly reason: string;
  readonly error: ErrorRecord;
  readonly at: number;
  /** What its machine threw at, in order: brought to it again by `retry`, before anything else. */
  readonly unheard?: readonly Unheard[];
  /** So many more were too large to be kept here: they are dead letters. */
  readonly tooLarge?: number;
  /** What it waited for before it had to wait for a definition that fits. */
  readonly earlier?: Parked;
}

/** An envelope whose turn was not stored. References in it are stored as their names. */
export type Unheard = Exclude<Envelope, { kind: "start" }>;

/** @throws bad_payload when it is not a record that this version can read. */
export function asRecord(value: unknown): ActorRecord {
  if (typeof value === "object" && value !== null && "v" in value && value.v === 1) return value as ActorRecord;
  throw new TroupeError("bad_payload", "A stored record has a version that this troupe does not know");
}

/** The name of the state an actor is in, at the top: for a task one of undo, doing, done, failed, expired. */
export function topState(value: StateValue): string {
  return typeof value === "string" ? value : Object.keys(value).join(",");
}

/** `undo.ready`, or `a.b,c.d` for parallel regions: for people. */
export function formatState(value: StateValue): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([name, inner]) =>
      inner === undefined || (typeof inner === "object" && Object.keys(inner).length === 0) ? name : `${name}.${formatState(inner)}`,
    )
    .join(",");
}

/** What is kept of a large record for time travel: that it was there, in which state, and how large. */
export function outlineOf(record: ActorRecord, tooLarge: number): ActorRecord & { readonly tooLarge: number } {
  const { children: _children, outbox: _outbox, owed: _owed, names: _names, output: _output, historyValue: _history, ...most } = record;
  const { replies: _replies, parked, ...rest } = most;
  const { unheard: _unheard, ...why } = parked ?? {};
  return { ...rest, ...(parked === undefined ? {} : { parked: why as Parked }), context: undefined, activities: {}, timers: {}, tooLarge };
}

export function isEnded(record: ActorRecord): boolean {
  return record.status !== "active";
}
