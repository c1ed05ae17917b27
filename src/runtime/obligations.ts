import type { TroupeError } from "../core/errors.ts";
import type { Envelope } from "../core/envelope.ts";
import type { OwedRecord } from "../core/record.ts";
import type { Activation } from "./activation.ts";
import { Acts } from "./acts.ts";
import { Alarms } from "./alarms.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";
import { Attempts, type AttemptsParts } from "./attempts.ts";
import type { Committer } from "./committer.ts";
import type { Hold } from "./hold.ts";
import type { Overflow } from "./overflow.ts";
import { Replies } from "./replies.ts";
import { Speech } from "./speech.ts";

export interface ObligationParts extends Omit<AttemptsParts, "ended" | "told" | "sent"> {
  readonly partitions: number;
  readonly committer: Pick<Committer, "loose">;
  readonly overflow: Pick<Overflow, "whenRoom">;
  /** The actor hears something; the holds are handed over. */
  readonly step: (activation: Activation, envelope: Extract<Envelope, { kind: "event" | "timer" }>, holds: readonly Hold[]) => void;
  /** An attempt has ended: its holds are handed over. */
  readonly ended: (activation: Activation, name: string, attempt: Attempt, end: AttemptEnd) => void;
  /** An action has run for good: its holds are handed over. */
  readonly acted: (activation: Activation, owed: OwedRecord, holds: readonly Hold[]) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * What goes on for an actor between its turns and would be lost with this process: attempts, short timers, custom actions, answers. Each
 * keeps the deliveries that caused it unacknowledged, so that whoever gets them next takes it up again.
 *
 * Owns: attempts.ts, alarms.ts, acts.ts, replies.ts, and what work says meanwhile (speech.ts). Calls in: ledger.ts, performer.ts. Calls out:
 * turning.ts, for what comes of it.
 * L1. What comes of it is turned once the actor's commit has room, in the order in which it came.
 */
export class Obligations {
  readonly attempts: Attempts;
  readonly alarms: Alarms;
  readonly acts: Acts;
  readonly replies: Replies;

  constructor(parts: ObligationParts) {
    const { clock, committer, overflow, step, ended, acted } = parts;
    const speech = new Speech({
      overflow,
      step: (activation, event, holds) => step(activation, { kind: "event", event }, holds),
      send: (activation, to, event, message, holds) => this.acts.send(activation, to, event, message, holds),
    });
    this.attempts = new Attempts({
      ...parts,
      ended: (activation, name, attempt, end) => overflow.whenRoom(activation, () => ended(activation, name, attempt, end)),
      told: (activation, attempt, event) => speech.told(activation, attempt, event),
      sent: (activation, attempt, to, event, message) => speech.sent(activation, attempt, to, event, message),
    });
    this.alarms = new Alarms({
      clock,
      fired: (activation, fired, holds) => overflow.whenRoom(activation, () => step(activation, fired, holds)),
    });
    this.replies = new Replies(parts);
    this.acts = new Acts({
      ...parts,
      loose: (session, writes, committed) => committer.loose(session, writes, committed),
      hand: (activation, activity, event) => this.attempts.hand(activation, activity, event),
      reply: (activation, reply, causes) => this.replies.send(activation, reply, causes),
      acted: (activation, owed, holds) => overflow.whenRoom(activation, () => acted(activation, owed, holds)),
    });
  }

  /** A delivery that was absorbed before stands for everything that is still open, once for each. */
  adopt(activation: Activation, hold: Hold): void {
    for (const holds of activation.openHolds) {
      // What work says is caused by what the work itself holds.
      if (holds.includes(hold)) continue;
      hold.take();
      holds.push(hold);
    }
    this.replies.adopt(activation, hold);
  }

  /** From now on it stands alone for everything that is open, of what it was adopted by. */
  relieve(activation: Activation, hold: Hold): void {
    for (const holds of activation.openHolds) {
      if (!holds.includes(hold)) continue;
      const others = holds.splice(0, holds.length, hold);
      others.splice(others.indexOf(hold), 1);
      for (const other of others) other.release();
    }
  }

  /** Everything of an actor that leaves this host; its deliveries stay unacknowledged. */
  abortAll(activation: Activation, reason: TroupeError): void {
    this.attempts.abortAll(activation, reason);
    this.alarms.disarmAll(activation);
  }
}
