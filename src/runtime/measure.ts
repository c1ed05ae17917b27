import { encodeActor, encodeJson } from "../core/codec.ts";
import { isMail, type Effect } from "../core/effect.ts";
import { TroupeError } from "../core/errors.ts";
import { growthOf } from "../core/growth.ts";
import type { Turn } from "../core/turn.ts";
import type { Activation } from "./activation.ts";
import { draftMail } from "./post.ts";
import type { Room } from "./room.ts";

/** Whether what a turn wants stored can be, before any of it is noted. Calls in: ledger.ts, turning.ts (attempt-end.ts). */
export class Measure {
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  /**
   * All of a turn. Many turns share one record, which is written down once where the last one written has room for what is new;
   * otherwise now, and its bytes returned. @throws bad_payload, too_large
   */
  check(activation: Activation, { actor, effects }: Turn): Uint8Array | undefined {
    const { key, measured, recordBytes } = activation;
    const most = this.#room.recordBytes;
    this.checkMail(key, effects);
    const growth = measured === undefined ? undefined : growthOf(measured, actor.record);
    if (growth !== undefined && recordBytes + growth <= most) return undefined;
    const bytes = written(key, actor);
    if (bytes.length > most) throw tooLarge(key, `store a record of ${bytes.length} bytes`, most);
    activation.measured = actor.record;
    activation.recordBytes = bytes.length;
    return bytes;
  }

  /** @throws bad_payload, too_large */
  checkMail(key: string, effects: readonly Effect[]): void {
    const { messageBytes } = this.#room;
    for (const effect of effects) {
      const bytes = sizeOf(effect);
      if (bytes > messageBytes) throw tooLarge(key, `send ${bytes} bytes in one message`, messageBytes);
    }
  }
}

function tooLarge(key: string, what: string, most: number): TroupeError {
  return new TroupeError("too_large", `A turn of ${key} would ${what}; ${most} is the most`, { about: key });
}

/** @throws bad_payload for what cannot be written down */
function sizeOf(effect: Effect): number {
  if (isMail(effect)) return draftMail(effect);
  return effect.kind === "reply" ? encodeJson(effect.reply.answer).length : 0;
}

function written(key: string, actor: Turn["actor"]): Uint8Array {
  try {
    return encodeActor(actor.record);
  } catch (cause) {
    throw new TroupeError("bad_payload", `The state of ${key} cannot be stored: ${(cause as Error).message}`, {
      about: key,
      cause,
      ...(cause instanceof TroupeError ? { faults: cause.faults } : {}),
    });
  }
}
