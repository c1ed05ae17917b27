import type { NatsConnection } from "@nats-io/nats-core";
import type { Leases } from "../ports/leases.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import type { Work } from "../ports/work.ts";
import { Answers } from "./answers.ts";
import { Horizon } from "./horizon.ts";
import { JetStreamLeases } from "./leases.ts";
import { Link } from "./link.ts";
import { JetStreamMailbox } from "./mailbox.ts";
import { namesOf } from "./names.ts";
import { CoreOutlet } from "./outlet.ts";
import type { Layout } from "./layout.ts";
import { patienceWith } from "./patience.ts";
import { Quorum } from "./quorum.ts";
import { Reads } from "./reads.ts";
import { Records } from "./records.ts";
import { ServerTime } from "./server-time.ts";
import { Settler } from "./settler.ts";
import { JetStreamStore } from "./store.ts";
import { TurnSweeper } from "./turn-sweeper.ts";
import { JetStreamWork } from "./work.ts";
import { WorkSweeper } from "./work-sweeper.ts";
import { DEFAULT_DEAD_TTL_MS } from "./writes.ts";

export interface AdapterOptions {
  /** As given to the connection; a private one keeps other users of the account from reading our answers. */
  readonly inboxPrefix?: string;
  readonly leaseTtlMs?: number;
  readonly deadTtlMs?: number;
  /** What a record may have at most. Default: 16 MiB. */
  readonly maxRecordBytes?: number;
  /** How long a publish may wait for its answer before it counts as lost. */
  readonly answerMs?: number;
  /** How long a commit whose answer was lost is looked for before it is `unknown`. */
  readonly settleMs?: number;
  /** How long a commit that nobody takes for now, for want of a leader, is sent again before it is `unknown`. */
  readonly resendMs?: number;
  /** How long turns and offers stay in CORE for HISTORY and WORK to source them. */
  readonly keepTurnsMs?: number;
  /** Set where the server runs with `sync_interval: always`. */
  readonly batchSingles?: boolean;
  /** Whether a consumer that is gone may be made again. */
  readonly mayCreate?: boolean;
}

const DEFAULT_MAX_RECORD_BYTES = 16 * 1024 * 1024;
const DEFAULT_ANSWER_MS = 5000;

export interface Adapter {
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly outlet: Outlet;
  readonly work: Work;
  /** The server's time of day, epoch ms: this machine's own until a host has joined. */
  readonly now: () => number;
  /** Stops reading and forgets whoever waits. The connection stays: it belongs to whoever opened it. */
  close(): Promise<void>;
}

/** The ports over one connection; the streams must be there (`provision`, `readLayout`). */
export function openAdapter(connection: NatsConnection, layout: Layout, options: AdapterOptions = {}): Adapter {
  const names = namesOf(layout.namespace);
  const { partitions, replicas } = layout;
  const { inboxPrefix, batchSingles = false, deadTtlMs = DEFAULT_DEAD_TTL_MS, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options;
  const link = new Link(connection);
  const patience = patienceWith(replicas);
  const answerMs = options.answerMs ?? DEFAULT_ANSWER_MS;
  const answers = new Answers(link, inboxPrefix, answerMs);
  const horizon = new Horizon(replicas > 1 ? names.landmarks : new Map());
  const time = new ServerTime();
  const now = (): number => time.now();
  const reads = new Reads(answers, replicas, horizon, now);
  const soon = new Answers(link, inboxPrefix, Math.min(answerMs, patience.lookMs));
  const looks = new Reads(soon, replicas, horizon, now);
  const shared = { link, answers, names, horizon, quorum: new Quorum(link), inboxPrefix };
  const leases = new JetStreamLeases({
    ...shared,
    reads: looks,
    partitions,
    time,
    ttlMs: options.leaseTtlMs ?? patience.leaseTtlMs,
  });
  const settler = new Settler(looks, names, (partition, fence) => leases.seal(partition, fence), options.settleMs ?? patience.settleMs);
  const sweeper = new TurnSweeper(link, reads, names, options.keepTurnsMs);
  const workSweeper = new WorkSweeper(link, reads, names, options.keepTurnsMs);
  const mailbox = new JetStreamMailbox({ ...shared, reads, partitions, mayCreate: options.mayCreate ?? true, pace: patience.pull });
  return {
    store: new JetStreamStore({
      ...shared,
      reads,
      records: new Records(reads, names),
      settler,
      resendMs: options.resendMs ?? patience.resendMs,
      sweeper,
      workSweeper,
      replicas,
      batchSingles,
      deadTtlMs,
      maxRecordBytes,
    }),
    mailbox,
    leases,
    outlet: new CoreOutlet(link, names),
    work: new JetStreamWork({ ...shared, reads }),
    now,
    async close() {
      leases.close();
      await mailbox.close();
      answers.close();
      soon.close();
      link.close();
    },
  };
}
