import { formatAddress, type Address } from "../core/address.ts";
import type { Definition } from "../core/definition.ts";
import type { Effect } from "../core/effect.ts";
import type { ActorRecord, ReplyRecord } from "../core/record.ts";
import type { Actor } from "../core/turn.ts";
import type { Alarm } from "../ports/clock.ts";
import type { Write } from "../ports/store.ts";
import type { Attempt } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import type { Joint } from "./joint.ts";
import type { NearPermit } from "./near-permit.ts";
import type { OfferedAttempt } from "./offered-attempt.ts";
import type { Session } from "./session.ts";

/**
 * One actor loaded into this host's memory. Pure state: turning.ts turns it, committer.ts stores it, obligations.ts works for it.
 *
 * | phase   | enters when                      | holds                                     | leaves when              |
 * |---------|----------------------------------|-------------------------------------------|--------------------------|
 * | loading | a delivery names it              | deliveries that wait, no actor            | its record has been read |
 * | ready   | read, or known to be new         | the actor after its last turn             | dropped                  |
 * | dropped | passivated, or the session ended | nothing; late results find it and stop    | never                    |
 */
export class Activation {
  readonly address: Address;
  readonly key: string;
  /** The newest of its type until the record is read, which may belong to an older one. */
  definition: Definition;
  readonly session: Session;
  phase: "loading" | "ready" | "dropped" = "loading";
  /** After the last turn, committed or not; undefined while the actor does not exist. */
  actor: Actor | undefined;
  /** Deliveries that arrived while loading. */
  waiting: readonly Hold[] = NOTHING;
  /** Turns since the last commit was taken. */
  pending: Pending | undefined;
  /** The committer will look at it. */
  isListed = false;
  /** The commit that is on its way, at most one per actor. */
  committing: Pending | undefined;
  /** A few: a stopped attempt may still be there when the next begins. */
  attempts: readonly (Attempt | OfferedAttempt)[] = NOTHING;
  /** Generations of work that was not begun, since the actor was parked when it could have been. */
  unbegun: readonly number[] = NOTHING;
  alarms: readonly ArmedAlarm[] = NOTHING;
  /** Custom actions and answers whose turn is not stored yet, with the deliveries that wait for them. */
  owing: readonly { readonly effect: Extract<Effect, { kind: "act" | "reply" }>; readonly causes: readonly Hold[] }[] = NOTHING;
  /** Custom actions that are under way, with the deliveries that wait for them. */
  acts: readonly { readonly key: string; readonly holds: Hold[] }[] = NOTHING;
  /** Present while no definition of this host fits the record: the deliveries that wait for one, in order, by source and sequence. */
  misfit: Map<string, Hold> | undefined;
  /** Answers that are under way, with the deliveries that wait for their arrival. */
  replying: readonly { readonly reply: ReplyRecord; readonly holds: Hold[] }[] = NOTHING;
  /** Turns that wait for the next commit, in order: this one is full. */
  stalled: (() => void)[] = NOTHING;
  /** More than 0 while several envelopes are turned one after the other: it stays for the last, whatever the first ones come to. */
  inHand = 0;
  /** Present while a task waits for a slot: the deliveries that stay unacknowledged until it has begun. */
  queued: Hold[] | undefined;
  /** Subjects that wait for the outcome beside the record's own: from starts that came twice. */
  listeners: readonly { readonly replyTo: string; readonly hold: Hold }[] = NOTHING;
  /** Bytes of the record that was written down last: what the cache counts. */
  recordBytes = 0;
  /** That record, where it was written down here. */
  measured: ActorRecord | undefined;
  /**
   * What certainly overtakes no earlier mail of this actor's when it is heard without being stored first: starts of children, each the
   * first mail to its address; all, while nothing else was ever sent over the store.
   */
  near: "starts" | "all" = "starts";
  /**
   * Of what is open, whether all has a delivery that stands for it; "due" where some may have none; "pledged" where some had none that is
   * given up here before it is stored; "stored" until that one comes.
   */
  reminder: "none" | "due" | "pledged" | "stored" = "none";
  /** In how many parts the last stored record lies; 0 where it is one message. */
  parts = 0;

  constructor(address: Address, definition: Definition, session: Session) {
    this.address = address;
    this.key = formatAddress(address);
    this.definition = definition;
    this.session = session;
  }

  /** Something is going on, or still to be sent, that a delivery has to stand for. */
  get hasOpen(): boolean {
    return (
      this.attempts.length > 0 ||
      this.alarms.length > 0 ||
      this.acts.length > 0 ||
      this.owing.length > 0 ||
      this.queued !== undefined ||
      this.actor?.record.outbox !== undefined
    );
  }

  /** Of what is going on, the deliveries that wait for it: each list is its own to change. */
  get openHolds(): readonly Hold[][] {
    const open = [...this.attempts, ...this.alarms, ...this.acts].map(({ holds }) => holds);
    return this.queued === undefined ? open : [...open, this.queued];
  }

  /** What begins now comes after an end of work that is not stored. */
  get followsEnd(): boolean {
    return this.pending?.followsEnd === true || this.committing?.followsEnd === true;
  }

  /** Holds that are over once what is in the air for the actor is stored. */
  letGo(holds: readonly Hold[]): void {
    const commit = this.pending ?? this.committing;
    if (commit !== undefined) commit.holds.push(...holds);
    else for (const hold of holds) hold.release();
  }

  /** Nothing is going on that would be lost or repeated if the actor left memory. */
  get isIdle(): boolean {
    return (
      this.phase === "ready" &&
      this.inHand === 0 &&
      this.pending === undefined &&
      this.committing === undefined &&
      this.attempts.length === 0 &&
      this.unbegun.length === 0 &&
      this.alarms.length === 0 &&
      this.acts.length === 0 &&
      this.replying.length === 0 &&
      this.stalled.length === 0 &&
      this.misfit === undefined &&
      this.reminder !== "stored" &&
      this.queued === undefined &&
      this.listeners.length === 0
    );
  }
}

/** The empty list of them all: most actors have one attempt and nothing else, and an array that grows holds room for sixteen. */
export const NOTHING: never[] = Object.freeze([]) as unknown as never[];

/** A list that is empty now is the one empty list. */
export function without<T>(list: readonly T[], item: T): readonly T[] {
  return list.length === 1 && list[0] === item ? NOTHING : list.filter((each) => each !== item);
}

/** Turns of one actor that will be stored together. */
export interface Pending {
  /** Beside the record: timers by subject (the last one wins), dead letters. */
  writes: Map<string, Write> | undefined;
  /** Released after the commit, in order. */
  effects: readonly Effect[];
  /** Let go after the commit. */
  holds: Hold[];
  /** The record as it was encoded by whoever had to know its size. */
  bytes: Uint8Array | undefined;
  /** It is not sealed yet: children that it asks for begin in the next round, and can be part of its commit then. */
  isAwaited: boolean;
  /** Some work has ended in these turns, or in what they follow from: what begins in them waits until they are stored (invariant 2). */
  followsEnd: boolean;
  /** Once these turns are stored, whoever waits for the actor hears of its end if it has ended: not where an action of that end is all that was done. */
  tellsEnd: boolean;
  /** The permit that is stored with these turns, under the fence of its gate too. */
  permit: NearPermit | undefined;
  /** The others whose turns are stored with these, or not at all. */
  joint: Joint | undefined;
}

export function emptyPending(): Pending {
  return {
    writes: undefined,
    effects: NOTHING,
    holds: [],
    bytes: undefined,
    isAwaited: false,
    followsEnd: false,
    tellsEnd: false,
    permit: undefined,
    joint: undefined,
  };
}

/** A short timer in memory. */
export interface ArmedAlarm {
  readonly timer: string;
  readonly generation: number;
  readonly alarm: Alarm;
  readonly holds: Hold[];
}
