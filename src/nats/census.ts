import { createInbox, nuid, type Msg } from "@nats-io/nats-core";
import type { Address } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import { readPosition } from "./delivery.ts";
import { classifyPullStatus } from "./failures.ts";
import type { Horizon } from "./horizon.ts";
import type { Link } from "./link.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { pullRequest } from "./pull.ts";
import type { Quorum } from "./quorum.ts";
import type { Reads } from "./reads.ts";
import { censusRequest } from "./streams.ts";

export interface CensusParts {
  readonly link: Link;
  readonly reads: Reads;
  readonly horizon: Horizon;
  readonly quorum: Quorum;
  readonly names: Names;
  readonly inboxPrefix: string | undefined;
}

/** Subjects of one pull: a few milliseconds of work for the server and for this process, between which others get their turn. */
const PAGE = 256;
const PAGE_BYTES = 1_048_576;
/** A page comes at once; from a server that is down, or a replica that lags, it comes later or not at all. */
const PACE = { expiresMs: 5_000, heartbeatMs: 1_000 };
const LONGEST_SILENCE_MS = 10_000;

type Consumer = ReturnType<Names["census"]>;

/**
 * The address of every actor that has a record, by a consumer of the moment that brings headers only. It ends behind the newest
 * record that the leader had when it began: a consumer on a replica that lags reaches that one later, never leaves one out before it.
 * (That message may be replaced or removed meanwhile; what takes its place, or the marker that its end leaves, lies behind it.)
 * @throws no_answer, no_connection
 */
export async function takeCensus(parts: CensusParts, tell: (address: Address) => boolean): Promise<void> {
  const { link, names, inboxPrefix } = parts;
  const consumer = names.census(`census-${nuid.next()}`);
  const last = await newestRecord(parts, consumer);
  if (last === 0) return;
  await link.demand(consumer.create, censusRequest(consumer));
  try {
    await readThrough(link, consumer, last, inboxPrefix, (subject) => tell(names.stateAddress(subject)));
  } finally {
    // The server would remove it by itself, later: until then every write of the stream looks whether it is meant.
    if (link.connected) link.publish(consumer.remove, new Uint8Array(0));
  }
}

/**
 * A leader whose newest record lies behind everything that we know of has come so far. Otherwise something else was stored last, or the
 * server that answered is cut off and does not know yet, and a census up to there would leave out what others stored since.
 */
async function newestRecord({ reads, horizon, quorum }: CensusParts, { stream, filter }: Consumer): Promise<number> {
  const known = horizon.of(stream);
  const last = await reads.lastSequence(stream, filter);
  if (last >= known) return last;
  const reached = await quorum.reached(stream);
  if (reached < known) throw new TroupeError("no_answer", `${stream} could not be listed: its leader ends at ${reached}, before ${known}`);
  return reads.lastSequence(stream, filter);
}

function readThrough(
  link: Link,
  consumer: Consumer,
  last: number,
  inboxPrefix: string | undefined,
  tell: (subject: string) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const inbox = createInbox(inboxPrefix);
    let expected = 1;
    let missing = 0;
    const pull = (): void => {
      if (missing > 0) return;
      missing = PAGE;
      link.publish(consumer.pull, pullRequest(PAGE, PAGE_BYTES, PACE), undefined, inbox);
    };
    const end = (error?: TroupeError): void => {
      clearTimeout(silence);
      if (!link.connection.isClosed()) subscription.unsubscribe();
      if (error === undefined) resolve();
      else reject(error);
    };
    const fail = (why: string): void => end(new TroupeError("no_answer", `${consumer.stream} could not be listed: ${why}`));
    const silence = setTimeout(() => fail("no answer"), LONGEST_SILENCE_MS).unref();
    const heard = (message: Msg): void => {
      const position = readPosition(consumer, message.reply ?? "");
      if (position === undefined) {
        const { code = 0, description = "" } = message.headers ?? {};
        const status = classifyPullStatus(code, description);
        if (status === "heartbeat") return;
        if (status === "lost") return fail(`${code} ${description}`);
        // The end of a page that came in full is told as well, when the next is under way already.
        missing = Math.max(0, missing - Number(message.headers?.get(NATS_HEADERS.pendingMessages) ?? 0));
        return pull();
      }
      silence.refresh();
      missing--;
      if (position.consumerSequence !== expected++) return fail("a message was left out");
      if (!tell(message.subject) || position.streamSequence >= last) return end();
      pull();
    };
    const subscription = link.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) heard(message);
      },
    });
    pull();
  });
}
