import { setTimeout as pause } from "node:timers/promises";
import type { Address } from "../core/address.ts";
import { START_LANES } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import { partitionOf } from "../core/placement.ts";
import type { Inlet, Mailbox, Reader, Source } from "../ports/mailbox.ts";
import { apiError, isConsumerMissing, isNobodyThere } from "./failures.ts";
import type { Horizon } from "./horizon.ts";
import { JetStreamInlet } from "./inlet.ts";
import type { Link } from "./link.ts";
import type { Names, SourceNames } from "./names.ts";
import type { PullPace } from "./pull.ts";
import type { Quorum } from "./quorum.ts";
import type { Reads } from "./reads.ts";
import { consumerRequest } from "./streams.ts";

export interface MailboxParts {
  readonly link: Link;
  readonly reads: Reads;
  readonly horizon: Horizon;
  readonly quorum: Quorum;
  readonly names: Names;
  readonly partitions: number;
  /** Whether a consumer that is gone may be made again; otherwise that is `not_provisioned`. */
  readonly mayCreate: boolean;
  readonly inboxPrefix: string | undefined;
  /** Of every pull but the first after a reset. */
  readonly pace: PullPace;
}

const CHECK_MS = 1000;
const RESET_DEADLINE_MS = 2000;
/** Not from the acknowledgement floor: what a server says of that after a reset may be too high (see `inConfig`). */
const FROM_THE_FIRST = { seq: 1 };
const ASK_AFTER_MS = 100;
const LEAST_PULL_BYTES = 1_048_576;

/**
 * The sources as JetStream consumers. A source is opened by resetting its consumer, which makes the server deliver everything that is
 * stored, in order, whatever was acknowledged. So nothing rests on the server's memory of acknowledgements: they only make room for more
 * deliveries.
 *
 * Owns: the open inlets and one timer that checks them. Calls in: the runtime's partition loop.
 * M1. After every reconnect each inlet starts over: what was delivered into the dead socket is pending, and newer mail would
 *     overtake it.
 */
export class JetStreamMailbox implements Mailbox {
  readonly #parts: MailboxParts;
  readonly #inlets = new Set<JetStreamInlet>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: MailboxParts) {
    this.#parts = parts;
    parts.link.listen(this);
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const inlet of this.#inlets) inlet.check(now);
    }, CHECK_MS).unref();
  }

  async open(partition: number, source: Source, reader: Reader): Promise<Inlet> {
    const { link, names, partitions, inboxPrefix, pace } = this.#parts;
    if (partition >= partitions)
      throw new TroupeError("not_provisioned", `There is no partition ${partition}: the streams have ${partitions}`);
    const inlet = new JetStreamInlet(names.source(partition, source), reader, {
      link,
      reset: (which) => this.#reset(which),
      pullBytes: Math.max(LEAST_PULL_BYTES, 2 * link.maxPayloadBytes),
      inboxPrefix,
      pace,
      ended: (ended) => this.#inlets.delete(ended),
    });
    await inlet.open();
    this.#inlets.add(inlet);
    return inlet;
  }

  async awaits(address: Address): Promise<boolean> {
    const { names, horizon, quorum } = this.#parts;
    if (await this.#isOnTheWay(address)) return true;
    if (!horizon.tracks(names.streams.core)) return false;
    // A leader that is cut off, or just ending, may have said so.
    await Promise.all([quorum.reached(names.streams.in), quorum.reached(names.streams.core)]);
    return this.#isOnTheWay(address);
  }

  async #isOnTheWay(address: Address): Promise<boolean> {
    const { names, reads, partitions } = this.#parts;
    const partition = partitionOf(address.type, address.id, partitions);
    const onTheWayIn = START_LANES.map((lane) => names.storedIn(partition, lane, address));
    if ((await reads.newest(names.streams.in, onTheWayIn)).size > 0) return true;
    const mails = await Promise.all(names.mailStartsOf(partition, address).map((filter) => reads.newestOne(names.streams.core, filter)));
    return mails.some((mail) => mail !== undefined);
  }

  reconnected(): void {
    for (const inlet of this.#inlets) inlet.rewind();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#parts.link.unlisten(this);
    await Promise.all([...this.#inlets].map((inlet) => inlet.close()));
  }

  /** The server answers a reset of a consumer that it does not have with silence, so whether it has it is asked where no answer comes soon. */
  async #reset(which: SourceNames): Promise<void> {
    const { link } = this.#parts;
    const resetting = link.demand<object>(which.reset, FROM_THE_FIRST, RESET_DEADLINE_MS);
    resetting.catch(() => {}); // looked at below, or not at all
    const isReset = await Promise.race([resetting.then(() => true), pause(ASK_AFTER_MS, false, { ref: false })]);
    if (isReset) return;
    const info = await link.call<object>(which.info, undefined, RESET_DEADLINE_MS);
    if ("error" in info && isConsumerMissing(info.error)) return this.#remake(which);
    // Without a leader the reset is answered by nobody, and its deadline may outlast the election.
    if ("error" in info && isNobodyThere(info.error.code)) throw apiError(info.error, which.consumer);
    await resetting;
  }

  async #remake(which: SourceNames): Promise<void> {
    if (!this.#parts.mayCreate) {
      throw new TroupeError("not_provisioned", `The consumer ${which.consumer} of ${which.stream} is missing`, { about: which.consumer });
    }
    await this.#parts.link.demand(which.create, consumerRequest(which));
  }
}
