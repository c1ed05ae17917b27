import type { Actor, Turn } from "../../src/core/turn.ts";
import { park, rerun } from "../../src/core/parking.ts";
import type { Definition } from "../../src/core/definition.ts";
import { ADDRESS, AT, begin, cancel, delay, expire, failed, fired, next, NOW, succeeded, taskOf } from "../core/life.ts";
import { start } from "../../src/core/turn.ts";

/** What golden records are about: one task with an input of every kind that is stored, brought into each of its states. */
export const task: Definition = taskOf({ retry: { attempts: 3, minDelayMs: 5_000, jitter: 0 } });

export const INPUT = {
  url: "https://example.org/ñ/日本.png",
  sizes: [1, 2.5, -3],
  at: new Date(NOW),
  big: 2n ** 70n,
  bytes: new Uint8Array([0, 1, 255]),
  words: new Set(["a", "b"]),
  nothing: null,
};

const PARKED = { reason: "crashed", error: { name: "TroupeError", code: "crashed", message: "The host died" }, at: NOW };

const MISFIT = {
  reason: "newer_version",
  error: { name: "TroupeError", code: "newer_version", message: "resize/42 was written by version 2; this host has version 1" },
  at: NOW,
  earlier: PARKED,
};

type Step = (actor: Actor) => Turn;
const hear =
  (envelopeOf: (actor: Actor) => Parameters<typeof next>[2]): Step =>
  (actor) =>
    next(task, actor, envelopeOf(actor));
const succeed = hear((actor) => succeeded(actor, { made: ["small", "large"], at: new Date(NOW) }));
const fail = hear((actor) => failed(actor, { name: "Error", message: "no luck", stack: "Error: no luck" }));

/** Each kind of record, by the way there. A kind that was written once is never changed: add another. */
export const STATES: Readonly<Record<string, readonly Step[]>> = {
  "undo.ready": [],
  "undo.delayed": [hear(delay)],
  "undo.retrying": [hear(begin), fail],
  "doing, first attempt": [hear(begin)],
  "doing, second attempt after two crashes": [hear(begin), fail, hear((actor) => fired(actor)), hear(begin), crash, crash],
  "doing, parked": [hear(begin), (actor) => park(actor, PARKED, AT)],
  "doing, parked for want of a version, and crashed before": [hear(begin), (actor) => park(actor, MISFIT, AT)],
  done: [hear(begin), succeed],
  failed: [hear(begin), hear((actor) => failed(actor, { name: "TerminalError", message: "hopeless", retryable: false }))],
  "failed by cancel": [hear(cancel)],
  expired: [hear(expire)],
};

function crash(actor: Actor): Turn {
  return rerun(actor, "run", AT);
}

export function broughtTo(steps: readonly Step[]): Actor {
  const options = { delayMs: 60_000, deadlineAt: NOW + 3_600_000, replyTo: "troupe.reply.1" };
  const at = { ...AT, mark: { source: "in.normal", sequence: 12 } };
  return steps.reduce((actor, step) => step(actor).actor, start(task, ADDRESS, { kind: "start", input: INPUT, ...options }, at).actor);
}
