import type { Definition } from "../core/definition.ts";
import type { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import type { Work } from "../ports/work.ts";
import type { KnownIdsOptions } from "./known-ids.ts";
import type { Session } from "./session.ts";

/** What a host gives its stage. */
export interface StageParts {
  readonly host: string;
  readonly work: Work;
  /** What this host has that some work needs. */
  readonly labels: readonly string[];
  /** After so long without a word a worker that took an attempt is believed dead. */
  readonly silenceMs: number;
  /** How often a host tells the others of its free slots, whatever happens. */
  readonly slotsEveryMs: number;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** How many partitions there are: mail goes to that of its target. */
  readonly partitions: number;
  readonly concurrency: number;
  readonly cacheBytes: number;
  readonly knownIds: KnownIdsOptions;
  /** Whether nobody else can have taken a partition of this host's. */
  readonly isTrusted: () => boolean;
  /** The session can no longer be trusted: its partition must be claimed again or given up. */
  readonly lost: (session: Session, why: TroupeError) => void;
  /** Whether actors of this host hear each other without the mail being stored first. */
  readonly nearMail: boolean;
  readonly sessionOf: (partition: number) => Session | undefined;
  /** Something finished: inlets that stopped may want more. */
  readonly relieved: () => void;
}
