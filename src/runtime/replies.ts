import { replied } from "../core/asking.ts";
import { encodeJson } from "../core/codec.ts";
import type { ReplyRecord } from "../core/record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";

export interface ReplyParts {
  readonly clock: Clock;
  readonly outlet: Outlet;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

const SEND_AGAIN_MS = 500;

/**
 * Answers to asks: what a stored turn says to somebody outside who waits on a subject.
 *
 * Owns: the answers of every activation that are under way. Calls in: dispatch.ts, recovery.ts, obligations.ts, acts.ts. Calls out: the
 * outlet.
 * R1. An answer leaves after its commit, and its deliveries stay unacknowledged until the server has it. The record has it until
 *     then: whoever loads the actor after a crash sends it again. So it arrives at least once, and askers take the first.
 * R2. That it has arrived is not worth a commit: the record of the next turn lacks it.
 */
export class Replies {
  readonly #parts: ReplyParts;

  constructor(parts: ReplyParts) {
    this.#parts = parts;
  }

  /** Each of the causes is counted anew. */
  send(activation: Activation, reply: ReplyRecord, causes: readonly Hold[]): void {
    for (const hold of causes) hold.take();
    const sending = { reply, holds: [...causes] };
    activation.replying = [...activation.replying, sending];
    void this.#deliver(activation, reply).then(() => {
      activation.replying = activation.replying.filter((each) => each !== sending);
      if (activation.phase === "dropped") return;
      const { actor } = activation;
      if (actor?.record.replies !== undefined) activation.actor = { ...actor, record: replied(actor.record, reply) };
      for (const hold of sending.holds) hold.release();
      this.#parts.retire(activation);
    });
  }

  /** Answers that a stored record has and nobody is known to have sent. */
  repeat(activation: Activation): void {
    for (const reply of activation.actor?.record.replies ?? []) this.send(activation, reply, []);
  }

  /** A delivery that was absorbed before waits for the answers that are under way. */
  adopt(activation: Activation, hold: Hold): void {
    for (const { holds } of activation.replying) {
      hold.take();
      holds.push(hold);
    }
  }

  async #deliver(activation: Activation, { to, answer }: ReplyRecord): Promise<void> {
    const { outlet, clock } = this.#parts;
    const body = encodeJson(answer);
    while (activation.phase !== "dropped" && !(await outlet.deliver(to, body)))
      await new Promise<void>((resolve) => clock.after(SEND_AGAIN_MS, resolve));
  }
}
