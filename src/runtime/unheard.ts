import { isDeepStrictEqual } from "node:util";
import { EMPTY_BODY, encodeJson, encodeMsgpack, MSGPACK } from "../core/codec.ts";
import { HEADERS, type ActorEvent } from "../core/envelope.ts";
import { withoutStacks } from "../core/errors.ts";
import { scopeOf } from "../core/interpret.ts";
import { keepUnheard, MOST_UNHEARD_BYTES, rerunOpen, unparked } from "../core/parking.ts";
import { revived } from "../core/ref.ts";
import type { ActorRecord, Unheard } from "../core/record.ts";
import type { Actor } from "../core/turn.ts";
import type { Letter, Write } from "../ports/store.ts";
import { emptyPending, type Activation } from "./activation.ts";
import { deadHeaders, type EventEnvelope } from "./decode.ts";
import type { Hold } from "./hold.ts";
import { addWrite } from "./pending.ts";
import type { Room } from "./room.ts";
import type { Turns } from "./turns.ts";

/*
 * What a machine threw at. It is kept in the record that parks the actor, so that its delivery is acknowledged and nothing waits on
 * it (invariant 9), and leaves the record once: heard again in the commit of the `retry`, or as a dead letter in the commit of whatever
 * else took the actor up.
 */

type DeadWrite = Extract<Write, { kind: "dead" }>;

/** Room for the words of the error that is kept beside it. */
const ERROR_BYTES = 16 * 1024;

/** Bytes that a record of this size has left for what its machine threw at. */
export function roomForUnheard(recordBytes: number, maxRecordBytes: number): number {
  return Math.min(MOST_UNHEARD_BYTES, maxRecordBytes - recordBytes - ERROR_BYTES);
}

interface Retry {
  readonly actor: Actor;
  readonly hold: Hold;
  readonly retry: EventEnvelope;
}

/**
 * A person's `retry`: what the machine threw at is heard first, in order, then the work goes on that was open. All of it is one commit
 * with the mark of the `retry`. A machine that throws again is parked again, with what it threw at and what came after it; a `retry` with
 * `drop: true` takes the actor up without them.
 */
export function hearAgain(turns: Turns, room: Room, activation: Activation, { actor, hold, retry }: Retry): void {
  const { activities, parked } = actor.record;
  const running = [...activation.attempts.map(({ generation }) => generation), ...activation.unbegun];
  turns.apply(activation, unparked(actor, turns.at(activation, hold)), [], [hold]);
  const drops = retry.kind === "event" && retry.event["drop"] === true;
  if (drops) layDown(activation, actor, retry, room);
  const unheard = drops ? [] : (parked?.unheard ?? []);
  const { relay } = scopeOf(activation.definition);
  for (const [i, envelope] of unheard.entries()) {
    turns.step(activation, revived(envelope, relay) as Unheard, [], [hold]);
    const now = activation.actor as Actor;
    if (now.record.status !== "active") return;
    if (now.record.parked === undefined) continue;
    const rest = keepUnheard(now, unheard.slice(i + 1));
    if (rest.kind === "changed") turns.apply(activation, rest, [], [hold]);
    return;
  }
  const now = { actor: activation.actor as Actor, effects: [], kind: "unheard" } as const;
  const again = rerunOpen(now, activities, turns.at(activation), running);
  if (again.kind === "changed") turns.apply(activation, again, [], [hold]);
  turns.takeUp(activation, [hold]);
}

/** What leaves the record with the turn just made without having been heard, and what did not fit into it: dead letters of its commit. */
export function layDown(activation: Activation, before: Actor, envelope: Unheard, { messageBytes }: Pick<Room, "messageBytes">): void {
  if (before.record.parked === undefined && activation.actor?.record.parked === undefined) return;
  for (const letter of unheardLetters(activation, before.record, envelope, messageBytes))
    addWrite((activation.pending ??= emptyPending()), `dead ${letter.name}`, letter);
}

function unheardLetters(activation: Activation, before: ActorRecord, envelope: Unheard, mostBytes: number): readonly DeadWrite[] {
  const after = (activation.actor as Actor).record;
  const letters: Unheard[] = [];
  if (after.parked === undefined) letters.push(...(before.parked?.unheard ?? []));
  if ((after.parked?.tooLarge ?? 0) > (before.parked?.tooLarge ?? 0)) letters.push(envelope);
  const { address, session } = activation;
  const error = (after.parked ?? before.parked)?.error;
  return letters.flatMap((each, i): DeadWrite[] => {
    // Timers and the ends of work are in the record still; only an event can be sent once more by a person.
    if (each.kind !== "event" || error === undefined) return [];
    const letter = letterOf(each, deadHeaders(withoutStacks(error), "event"), mostBytes - ERROR_BYTES);
    return [{ kind: "dead", partition: session.partition, address, name: `parked-${after.revision}-${i}`, letter }];
  });
}

/** As JSON, which people can read, where that says all of it; of what no message can hold the reason alone. */
function letterOf({ event }: Extract<Unheard, { kind: "event" }>, headers: Letter["headers"], mostBytes: number): Letter {
  const json = jsonOf(event);
  if (json !== undefined && json.length <= mostBytes) return { body: json, headers: { ...headers } };
  const body = encodeMsgpack(event);
  return { body: body.length <= mostBytes ? body : EMPTY_BODY, headers: { ...headers, [HEADERS.contentType]: MSGPACK } };
}

function jsonOf(event: ActorEvent): Uint8Array | undefined {
  try {
    const body = encodeJson(event);
    return isDeepStrictEqual(JSON.parse(Buffer.from(body).toString()), event) ? body : undefined;
  } catch {
    return undefined;
  }
}
