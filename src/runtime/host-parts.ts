import type { Definition } from "../core/definition.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import type { Work } from "../ports/work.ts";
import type { KnownIdsOptions } from "./known-ids.ts";

/** What a host is made of. */
export interface HostParts {
  readonly id: string;
  readonly partitions: number;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly outlet: Outlet;
  readonly work: Work;
  readonly clock: Clock;
  readonly log: Log;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** Attempts that may run at once. */
  readonly concurrency: number;
  /** What this host has that some work needs. Default: nothing. */
  readonly labels?: readonly string[];
  /** After so long without a word a worker that took an attempt is believed dead. Default: 5 s. */
  readonly silenceMs?: number;
  /** Of the package, for people. */
  readonly release: string;
  /** Bound on what idle actors may take in memory. */
  readonly cacheBytes: number;
  readonly knownIds?: KnownIdsOptions;
  /** False sends all mail over the store: tests see both ways. */
  readonly nearMail?: boolean;
}
