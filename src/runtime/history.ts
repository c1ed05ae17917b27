import { encodeRecord } from "../core/codec.ts";
import { outlineOf } from "../core/record.ts";
import type { Turn } from "../core/turn.ts";
import type { Activation, Pending } from "./activation.ts";
import { addWrite } from "./pending.ts";
import type { Room } from "./room.ts";

/* Turns that are kept for time travel, of types that have a history: stored with what they made of their actor. */

/** Every turn keeps its record: a larger one would fill the disk, a hundred megabytes for a thousand turns. */
const MOST_KEPT_BYTES = 64 * 1024;

/** What the turn heard, which way it went, what it asked for and what it made of the actor; of a large record only the outline. */
export function keepTurn(activation: Activation, pending: Pending, { event, edges = [], effects, actor }: Turn, room: Room): void {
  const { revision } = actor.record;
  const told = effects.map((effect) =>
    effect.kind === "act" ? { kind: effect.kind, key: effect.owed.key, action: effect.owed.action } : effect,
  );
  const recordBytes = pending.bytes?.length ?? activation.recordBytes;
  const record = recordBytes > MOST_KEPT_BYTES ? outlineOf(actor.record, recordBytes) : actor.record;
  let bytes = encodedTurn({ event, edges, effects: told, record });
  if (bytes.length > room.messageBytes) {
    const kinds = effects.map(({ kind }) => ({ kind }));
    bytes = encodeRecord({ event: event && { type: event.type }, edges, effects: kinds, record: outlineOf(actor.record, recordBytes) });
  }
  addWrite(pending, `turn ${revision}`, {
    kind: "turn",
    partition: activation.session.partition,
    address: activation.address,
    revision,
    bytes,
  });
}

interface KeptTurn {
  readonly effects: readonly { readonly kind: string }[];
  readonly [part: string]: unknown;
}

/** What is only logged or published may hold what cannot be stored; of effects like that the kinds are kept. */
function encodedTurn(turn: KeptTurn): Uint8Array {
  try {
    return encodeRecord(turn);
  } catch {
    return encodeRecord({ ...turn, effects: turn.effects.map(({ kind }) => ({ kind })) });
  }
}
