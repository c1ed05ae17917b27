import type { AnyMachineSnapshot } from "xstate";
import type { Effect } from "./effect.ts";
import type { ActorEvent } from "./envelope.ts";
import type { ActorRecord } from "./record.ts";

/** An actor in memory: what is stored of it, and the snapshot that XState goes on from, made from the record when it is needed. */
export interface Actor {
  readonly record: ActorRecord;
  readonly snapshot?: AnyMachineSnapshot;
}

/** What one envelope made of an actor. Nothing of it has happened until it is committed. */
export interface Turn {
  readonly actor: Actor;
  readonly effects: readonly Effect[];
  /** What the machine heard; absent where it heard nothing, or nothing came from outside. */
  readonly event?: ActorEvent;
  /** For types with history: the transitions that were taken, in order. */
  readonly edges?: readonly Edge[] | undefined;
  /** What the turn made of the envelope: an unheard one changed nothing and need not be stored. */
  readonly kind: "changed" | "unheard";
  /** It was made to fit what is stored with it. */
  readonly isMeasured?: true;
}

/** One transition of a machine: XState's ids of the states it leads from and to (none: it stayed), "" for one that needs no event. */
export interface Edge {
  readonly event: string;
  readonly source: string;
  readonly targets: readonly string[];
}

/** When and under which fence a turn is made, and which delivery it absorbs. */
export interface TurnAt {
  readonly now: number;
  readonly epoch: number;
  readonly mark?: { readonly source: string; readonly sequence: number };
}

/** The delivery is noted as seen, and nothing else. */
export function absorb(actor: Actor, at: TurnAt): Actor {
  if (at.mark === undefined) return actor;
  return { ...actor, record: { ...actor.record, marks: marked(actor.record, at) } };
}

export function marked({ marks }: ActorRecord, at: TurnAt): ActorRecord["marks"] {
  return at.mark === undefined ? marks : { ...marks, [at.mark.source]: at.mark.sequence };
}
