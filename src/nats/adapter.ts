import type { NatsConnection } from "@nats-io/nats-core";
import type { Leases } from "../ports/leases.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import { Answers } from "./answers.ts";
import { DEFAULT_LEASE_TTL_MS, JetStreamLeases } from "./leases.ts";
import { Link } from "./link.ts";
import { JetStreamMailbox } from "./mailbox.ts";
import { namesOf } from "./names.ts";
import { CoreOutlet } from "./outlet.ts";
import type { Layout } from "./layout.ts";
import { Reads } from "./reads.ts";
import { Records } from "./records.ts";
import { Settler } from "./settler.ts";
import { JetStreamStore } from "./store.ts";
import { TurnSweeper } from "./turn-sweeper.ts";
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
  /** How long turns stay in CORE for HISTORY to source them. */
  readonly keepTurnsMs?: number;
  /** Set where the server runs with `sync_interval: always`. */
  readonly batchSingles?: boolean;
  /** Whether a consumer that is gone may be made again. */
  readonly mayCreate?: boolean;
}

const DEFAULT_MAX_RECORD_BYTES = 16 * 1024 * 1024;
const DEFAULT_ANSWER_MS = 5000;
const DEFAULT_SETTLE_MS = 5000;

export interface Adapter {
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly outlet: Outlet;
  /** Stops reading and forgets whoever waits. The connection stays: it belongs to whoever opened it. */
  close(): Promise<void>;
}

/** The ports over one connection; the streams must be there (`provision`, `readLayout`). */
export function openAdapter(connection: NatsConnection, layout: Layout, options: AdapterOptions = {}): Adapter {
  const names = namesOf(layout.namespace);
  const { partitions, replicas } = layout;
  const { inboxPrefix, batchSingles = false, deadTtlMs = DEFAULT_DEAD_TTL_MS, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options;
  const link = new Link(connection);
  const answers = new Answers(link, inboxPrefix, options.answerMs ?? DEFAULT_ANSWER_MS);
  const reads = new Reads(answers, replicas);
  const records = new Records(reads, names);
  const leases = new JetStreamLeases({ link, answers, reads, names, partitions, ttlMs: options.leaseTtlMs ?? DEFAULT_LEASE_TTL_MS });
  const settler = new Settler(reads, names, (partition, fence) => leases.seal(partition, fence), options.settleMs ?? DEFAULT_SETTLE_MS);
  const sweeper = new TurnSweeper(link, reads, names, options.keepTurnsMs);
  const mailbox = new JetStreamMailbox({ link, reads, names, partitions, mayCreate: options.mayCreate ?? true, inboxPrefix });
  return {
    store: new JetStreamStore({
      link,
      answers,
      reads,
      records,
      settler,
      sweeper,
      names,
      replicas,
      batchSingles,
      deadTtlMs,
      maxRecordBytes,
      inboxPrefix,
    }),
    mailbox,
    leases,
    outlet: new CoreOutlet(link, names),
    async close() {
      leases.close();
      await mailbox.close();
      answers.close();
      link.close();
    },
  };
}
