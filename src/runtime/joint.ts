import { emptyPending, type Activation, type Pending } from "./activation.ts";

/** Messages that a member may come to: its record, and the reminder that stands for what is open of it. */
const WRITES_PER_MEMBER = 2;

/**
 * Turns of several actors that are stored together or not at all: what one of them says, another has heard already (nearby.ts).
 *
 * J1. Its members' turns are all pending or all in one commit: the committer seals them together.
 * J2. Where one member's turns are lost, so are the others': their sessions are begun anew (settlement.ts, stage.ts).
 */
export class Joint {
  readonly members = new Set<Activation>();
  /** Messages beside the members' own. */
  writes = 0;
  /** Pieces of mail that went from member to member. */
  heard = 0;

  /** The most messages that its commit may come to, but for records in parts. */
  get size(): number {
    return this.members.size * WRITES_PER_MEMBER + this.writes;
  }

  /** None of its members waits for an answer to an earlier commit. */
  get isFree(): boolean {
    for (const { committing } of this.members) if (committing !== undefined) return false;
    return true;
  }

  get isAwaited(): boolean {
    for (const { pending } of this.members) if (pending?.isAwaited === true) return true;
    return false;
  }
}

/** From now on what both have pending, and will have, is stored together. */
export function join(one: Activation, other: Activation): Joint {
  const joint = jointOf(one);
  return other.pending?.joint === undefined ? joined(joint, other) : united(joint, other.pending.joint);
}

function joined(joint: Joint, newcomer: Activation): Joint {
  const pending = (newcomer.pending ??= emptyPending());
  pending.joint = joint;
  joint.members.add(newcomer);
  joint.writes += pending.writes?.size ?? 0;
  return joint;
}

/** It had nothing to store when it joined, and has heard nothing since that would change that. */
export function leave(activation: Activation): void {
  const { pending } = activation;
  if (pending === undefined || (pending.writes?.size ?? 0) > 0 || pending.effects.length > 0) return;
  pending.joint?.members.delete(activation);
  activation.pending = undefined;
}

/** The most messages that the pending turns of two would come to; of one and somebody who is not there yet. */
export function sizeTogether(one: Activation, other: Activation | undefined): number {
  const size = sizeOf(one.pending);
  if (other === undefined) return size + WRITES_PER_MEMBER;
  const isTogether = one === other || (one.pending?.joint !== undefined && one.pending.joint === other.pending?.joint);
  return isTogether ? size : size + sizeOf(other.pending);
}

function sizeOf(pending: Pending | undefined): number {
  return pending?.joint?.size ?? WRITES_PER_MEMBER + (pending?.writes?.size ?? 0);
}

/** Everybody of either, whether their turns are pending or in a commit that comes back. */
export function united(one: Joint, other: Joint): Joint {
  if (one === other) return one;
  const [small, large] = one.members.size < other.members.size ? [one, other] : [other, one];
  for (const member of small.members) {
    large.members.add(member);
    if (member.pending?.joint === small) member.pending.joint = large;
    if (member.committing?.joint === small) member.committing.joint = large;
  }
  large.writes += small.writes;
  large.heard += small.heard;
  return large;
}

function jointOf(activation: Activation): Joint {
  return activation.pending?.joint ?? joined(new Joint(), activation);
}

/** The other members of what an actor has not stored yet. */
export function partnersOf(activation: Activation): readonly Activation[] {
  const members = activation.pending?.joint?.members;
  return members === undefined ? [] : [...members].filter((member) => member !== activation && member.phase !== "dropped");
}
