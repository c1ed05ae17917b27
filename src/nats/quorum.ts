import { TroupeError } from "../core/errors.ts";
import type { Link } from "./link.ts";
import { api } from "./names.ts";

/** What STREAM.INFO says of the copies, which only a server that believes to lead them answers. `active`: ns since it heard of one. */
interface Info {
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly active?: number; readonly offline?: boolean }[];
  };
  readonly state?: { readonly last_seq?: number };
}

/**
 * A leader hears of its followers with every message, and every second without one. Those begin an election 4 s after they last heard of
 * it at the earliest: one that a majority has answered more recently leads.
 */
const HEARD_WITHIN_MS = 3_000;
/** How long an answer is good for: with the above, less than an election takes to begin. */
const GOOD_FOR_MS = 500;
const NANOS_PER_MS = 1_000_000;

interface Look {
  readonly at: number;
  readonly reached: Promise<number>;
}

/**
 * Whether the server that our questions come to leads a stream, or only believes so.
 *
 * Owns: for each stream the last answer. Calls in: whoever is about to say that something is not there.
 */
export class Quorum {
  readonly #link: Pick<Link, "demand">;
  readonly #looks = new Map<string, Look>();

  constructor(link: Pick<Link, "demand">) {
    this.#link = link;
  }

  /**
   * The last sequence of a leader that a majority stands behind: everything that was stored before it was asked lies at or below it.
   * @throws no_answer where nobody leads, or a majority has not been heard of lately; no_connection, not_provisioned
   */
  reached(stream: string): Promise<number> {
    const now = performance.now();
    const known = this.#looks.get(stream);
    if (known !== undefined && now - known.at < GOOD_FOR_MS) return known.reached;
    const look = { at: now, reached: this.#look(stream) };
    this.#looks.set(stream, look);
    look.reached.catch(() => {
      if (this.#looks.get(stream) === look) this.#looks.delete(stream);
    });
    return look.reached;
  }

  async #look(stream: string): Promise<number> {
    const { cluster = {}, state } = await this.#link.demand<Info>(api.streamInfo(stream));
    const { leader, replicas = [] } = cluster;
    const heard = replicas.filter(({ active = 0, offline }) => offline !== true && active > 0 && active < HEARD_WITHIN_MS * NANOS_PER_MS);
    const isMajority = 2 * (1 + heard.length) > 1 + replicas.length;
    if (leader !== undefined && isMajority) return state?.last_seq ?? 0;
    const words = leader === undefined ? "has no leader" : `is led by ${leader}, which does not hear of a majority of its copies`;
    throw new TroupeError("no_answer", `The stream ${stream} ${words}: what is not there may be elsewhere`, { about: stream });
  }
}
