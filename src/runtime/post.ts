import type { Address, Lane } from "../core/address.ts";
import type { MailEffect } from "../core/effect.ts";
import { isEnd } from "../core/family.ts";
import { partitionOf } from "../core/placement.ts";
import { targetOf } from "../core/ref.ts";
import { MailLetter, type MailBody } from "./mail-letter.ts";
import type { Mail } from "./near-delivery.ts";

/** `message` tells it from everything else that is sent to the same actor. @throws bad_payload for what cannot be written down */
export function mailWrite(effect: MailEffect, message: string, partitions: number): Mail {
  const { to, lane, body } = addressed(effect);
  const letter = letters.get(effect) ?? new MailLetter(body);
  const write = { kind: "mail", partition: partitionOf(to.type, to.id, partitions), lane, to, message, letter } as const;
  return effect.kind === "report" && effect.lives !== true && isEnd(effect.event) ? { ...write, isLast: true } : write;
}

/** Looks at an effect ahead of time; the most bytes that it takes. @throws bad_payload for what cannot be written down */
export function draftMail(effect: MailEffect): number {
  const letter = new MailLetter(addressed(effect).body);
  letters.set(effect, letter);
  return letter.size;
}

const letters = new WeakMap<MailEffect, MailLetter>();

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
      const { child, generation, since } = effect.to;
      const made = since === undefined ? {} : { since };
      const lives = effect.lives === true ? { lives: effect.lives } : {};
      return { to: bare(effect.to), lane: "event", body: { kind: "report", child, generation, ...made, event: effect.event, ...lives } };
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

function bare({ type, id }: Address): Address {
  return { type, id };
}
