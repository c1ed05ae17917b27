import type { Address, Lane } from "../core/address.ts";
import type { MailEffect } from "../core/effect.ts";
import { isEnd } from "../core/family.ts";
import { partitionOf } from "../core/placement.ts";
import { targetOf } from "../core/ref.ts";
import { MailLetter, type MailBody } from "./mail-letter.ts";
import type { Mail } from "./near-delivery.ts";

/** `message` tells it from everything else that is sent to the same actor. @throws bad_payload for what cannot be written down */
export function mailWrite(effect: MailEffect, message: string, partitions: number): Mail {
  const { to, lane, letter } = drafts.get(effect) ?? draft(effect);
  const partition = partitionOf(to.type, to.id, partitions);
  return effect.kind === "report" && effect.lives !== true && isEnd(effect.event)
    ? { kind: "mail", partition, lane, to, message, letter, isLast: true }
    : { kind: "mail", partition, lane, to, message, letter };
}

/** Looks at an effect ahead of time; the most bytes that it takes. @throws bad_payload for what cannot be written down */
export function draftMail(effect: MailEffect): number {
  const drafted = draft(effect);
  drafts.set(effect, drafted);
  return drafted.letter.size;
}

interface DraftedMail {
  readonly to: Address;
  readonly lane: Lane;
  readonly letter: MailLetter;
}

const drafts = new WeakMap<MailEffect, DraftedMail>();

function draft(effect: MailEffect): DraftedMail {
  switch (effect.kind) {
    case "spawn":
      return drafted(effect.to, effect.as === "task" ? "normal" : "high", childBody(effect));
    case "stop":
    case "resume":
      return drafted(effect.to, "event", { kind: effect.kind, by: bare(effect.by) });
    case "send":
      return sent(effect);
    case "report":
      return drafted(effect.to, "event", reportBody(effect));
    case "name": {
      const { root, ...body } = effect;
      return drafted(root, "event", body);
    }
    case "relay":
      return drafted(effect.root, "event", { kind: "relay", name: effect.name, event: effect.event });
  }
}

function drafted(to: Address, lane: Lane, body: MailBody): DraftedMail {
  return { to: bare(to), lane, letter: new MailLetter(body) };
}

function childBody({ input, parent, version }: Extract<MailEffect, { kind: "spawn" }>): MailBody {
  return version === undefined ? { kind: "child", input, parent } : { kind: "child", input, parent, version };
}

function reportBody({ to, event, lives }: Extract<MailEffect, { kind: "report" }>): MailBody {
  const { child, generation, since } = to;
  if (since === undefined || lives === true)
    return { kind: "report", child, generation, ...(since === undefined ? {} : { since }), event, ...(lives === true ? { lives } : {}) };
  // Of a hundred children that end, a hundred: written out, it costs a third.
  return { kind: "report", child, generation, since, event };
}

function sent({ to, event }: Extract<MailEffect, { kind: "send" }>): DraftedMail {
  const target = targetOf(to);
  if (target.kind === "actor") return drafted(target.address, "event", { kind: "event", event });
  if (target.kind === "activity") return drafted(target.address, "event", { kind: "hand", activity: target.activity, event });
  throw new Error(`"${to}" was to be looked up before`);
}

function bare({ type, id }: Address): Address {
  return { type, id };
}
