import { encodeMsgpack, MSGPACK } from "../core/codec.ts";
import type { Address, Lane } from "../core/address.ts";
import type { MailEffect } from "../core/effect.ts";
import { HEADERS, type ActorEvent } from "../core/envelope.ts";
import { isEnd } from "../core/family.ts";
import { TroupeError } from "../core/errors.ts";
import { partitionOf } from "../core/placement.ts";
import type { ParentRecord } from "../core/record.ts";
import { targetOf } from "../core/ref.ts";
import type { Letter, Write } from "../ports/store.ts";

/** What the body of mail between actors is, beside its kind. Read by decode.ts. */
export type MailBody =
  | { readonly kind: "child"; readonly input: unknown; readonly parent: ParentRecord; readonly version?: string }
  | { readonly kind: "event"; readonly event: ActorEvent }
  | { readonly kind: "report"; readonly child: string; readonly generation: number; readonly event: ActorEvent; readonly lives?: true }
  | { readonly kind: "stop" | "resume"; readonly by: Address }
  | { readonly kind: "hand"; readonly activity: string; readonly event: ActorEvent }
  | { readonly kind: "name"; readonly name: string; readonly ref: string | undefined; readonly was?: string }
  | { readonly kind: "relay"; readonly name: string; readonly event: ActorEvent };

/** `message` tells it from everything else that is sent to the same actor. @throws bad_payload for what cannot be written down */
export function mailWrite(effect: MailEffect, message: string, partitions: number): Write {
  const { to, lane, body } = addressed(effect);
  const letter = letters.get(effect) ?? letterOf(body);
  const write = { kind: "mail", partition: partitionOf(to.type, to.id, partitions), lane, to, message, letter } as const;
  return effect.kind === "report" && effect.lives !== true && isEnd(effect.event) ? { ...write, isLast: true } : write;
}

/** Writes an effect down ahead of time; its size in bytes. @throws bad_payload for what cannot be written down */
export function draftMail(effect: MailEffect): number {
  const letter = letterOf(addressed(effect).body);
  letters.set(effect, letter);
  return letter.body.length;
}

const letters = new WeakMap<MailEffect, Letter>();

function addressed(effect: MailEffect): { readonly to: Address; readonly lane: Lane; readonly body: MailBody } {
  switch (effect.kind) {
    case "spawn":
      return {
        to: bare(effect.to),
        lane: effect.as === "task" ? "normal" : "high",
        body: {
          kind: "child",
          input: effect.input,
          parent: effect.parent,
          ...(effect.version === undefined ? {} : { version: effect.version }),
        },
      };
    case "stop":
    case "resume":
      return { to: bare(effect.to), lane: "event", body: { kind: effect.kind, by: bare(effect.by) } };
    case "send":
      return sent(effect);
    case "report": {
      const { child, generation } = effect.to;
      const lives = effect.lives === true ? { lives: effect.lives } : {};
      return { to: bare(effect.to), lane: "event", body: { kind: "report", child, generation, event: effect.event, ...lives } };
    }
    case "name": {
      const { root, ...body } = effect;
      return { to: bare(root), lane: "event", body };
    }
    case "relay":
      return { to: bare(effect.root), lane: "event", body: { kind: "relay", name: effect.name, event: effect.event } };
  }
}

function sent({ to, event }: Extract<MailEffect, { kind: "send" }>): {
  readonly to: Address;
  readonly lane: Lane;
  readonly body: MailBody;
} {
  const target = targetOf(to);
  if (target.kind === "actor") return { to: target.address, lane: "event", body: { kind: "event", event } };
  if (target.kind === "activity") return { to: target.address, lane: "event", body: { kind: "hand", activity: target.activity, event } };
  throw new Error(`"${to}" was to be looked up before`);
}

function letterOf(body: MailBody): Letter {
  return { body: written(body), headers: { [HEADERS.kind]: body.kind, [HEADERS.contentType]: MSGPACK } };
}

function written(body: MailBody): Uint8Array {
  try {
    return encodeMsgpack(body);
  } catch (cause) {
    throw new TroupeError("bad_payload", `What was sent cannot be written down: ${(cause as Error).message}`, { cause });
  }
}

function bare({ type, id }: Address): Address {
  return { type, id };
}
