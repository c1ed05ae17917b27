import type { Turn } from "./actor.ts";
import { formatAddress, type Address } from "./address.ts";
import type { Effect } from "./effect.ts";
import type { ActorEvent } from "./envelope.ts";
import { toErrorRecord, TroupeError, withoutStacks } from "./errors.ts";
import type { ActorRecord, Refusal, ReplyRecord } from "./record.ts";
import { ActorRef, refOfAsker, type Relay } from "./ref.ts";

/**
 * Asks: events from outside that carry the subject their sender waits on. A machine finds it as a reference in `event.replyTo`, as in
 * an event that another actor sent with a reference to itself, and answers both with `sendTo(({ event }) => event.replyTo, …)`.
 */
export function asked(event: ActorEvent, subject: string, relay: Relay): ActorEvent {
  return { ...event, replyTo: new ActorRef(refOfAsker(subject), "asker", relay) };
}

/** The record's answers after a turn with these effects; undefined where there are none. */
export function repliesAfter(
  { replies }: Pick<ActorRecord, "replies">,
  effects: readonly Effect[],
): { readonly replies: readonly ReplyRecord[] } | undefined {
  if (effects.length === 0) return replies === undefined ? undefined : { replies };
  const made = effects.flatMap((effect) => (effect.kind === "reply" ? [effect.reply] : NONE));
  if (made.length === 0) return replies === undefined ? undefined : { replies };
  return { replies: [...(replies ?? NONE), ...made] };
}

const NONE: readonly ReplyRecord[] = [];

/** The server has this answer: the record need not keep it. */
export function replied(record: ActorRecord, reply: ReplyRecord): ActorRecord {
  const { replies = NONE, ...rest } = record;
  const left = replies.filter((each) => each !== reply);
  return left.length === 0 ? rest : { ...rest, replies: left };
}

/**
 * Why an ask will get no answer of the machine's, as far as its turn shows: nothing heard the event, or the turn set the actor aside
 * or ended it. Undefined where an answer was sent, or may still come: from this actor, or from one that it told of the asker.
 */
export function refusalOf(address: Address, turn: Turn, subject: string): Refusal | undefined {
  const about = formatAddress(address);
  const { record } = turn.actor;
  if (turn.effects.some((effect) => effect.kind === "send" || effect.kind === "relay" || answers(effect, subject))) return undefined;
  if (record.parked !== undefined)
    return refusal("parked", `${about} is parked: ${record.parked.error.message}`, about, record.parked.error);
  if (record.status !== "active") return refusal("not_running", `${about} has ended without an answer`, about, record.error);
  if (turn.kind === "unheard") return refusal("not_accepted", `${about} does not take this event in its present state`, about);
  return undefined;
}

function answers(effect: Effect, subject: string): boolean {
  return effect.kind === "reply" && effect.reply.to === subject;
}

export function refusal(code: "parked" | "not_running" | "not_accepted", message: string, about: string, cause?: unknown): Refusal {
  return { error: withoutStacks(toErrorRecord(new TroupeError(code, message, { about, ...(cause === undefined ? {} : { cause }) }))) };
}

/** A turn that parked or ended its actor, with the answer to the ask that it took. */
export function refused(turn: Turn, reply: ReplyRecord): Turn {
  const effect = { kind: "reply", reply } as const;
  const record = { ...turn.actor.record, ...repliesAfter(turn.actor.record, [effect]) };
  return { ...turn, actor: { ...turn.actor, record }, effects: [...turn.effects, effect] };
}
