import type { TroupeError } from "../core/errors.ts";
import type { Source } from "../ports/mailbox.ts";
import type { Commit } from "../ports/store.ts";
import type { Request } from "./steps.ts";

/**
 * What happens to a commit instead of the usual.
 *
 * `unknown`: its answer is lost, and it is stored or not. `late`: its answer is lost, and it is stored afterwards if its fences still
 * hold then: bytes that sat in a socket. `refused`, `conflict`: nothing is stored; a conflict without `lost` names all its partitions.
 * `delayed`: everything as usual, but later; what was sent after it may overtake it.
 */
export type CommitFault =
  | { readonly kind: "unknown"; readonly stored: boolean }
  | { readonly kind: "late"; readonly afterMs: number }
  | { readonly kind: "refused"; readonly error?: TroupeError }
  | { readonly kind: "conflict"; readonly lost?: readonly number[] }
  | { readonly kind: "delayed"; readonly byMs: number };

/** A request that gets no answer: `applied` tells whether the server did what it asked for. */
export interface RequestFault {
  readonly applied: boolean;
}

/** How often a rule holds (once unless told), and for what. A predicate may draw from a seeded Random to fail now and then. */
export interface Scope<Subject> {
  readonly times?: number;
  readonly when?: (subject: Subject) => boolean;
}

export interface SentCommit extends Commit {
  readonly host: string;
}

export interface SentAck {
  readonly host: string;
  readonly partition: number;
  readonly source: Source;
  readonly sequence: number;
}

/**
 * What goes wrong on one world's server, and when. Rules are asked in the order in which they were added; each counts down, and the
 * first that matches holds. Faults that are no rules are methods of the world: `rewind`, and of an attachment:
 * `crash`, `disconnect`, `reconnect`.
 */
export class FaultPlan {
  readonly #commits = new Rules<SentCommit, CommitFault>();
  readonly #acks = new Rules<SentAck, true>();
  readonly #requests = new Rules<{ readonly host: string; readonly request: Request }, RequestFault>();

  failCommits(fault: CommitFault, scope: Scope<SentCommit> = {}): this {
    this.#commits.add(fault, scope);
    return this;
  }

  /** Acknowledgements that never arrive: what they were for comes again after the next open or rewind. */
  dropAcks(scope: Scope<SentAck> = {}): this {
    this.#acks.add(true, scope);
    return this;
  }

  /** Requests of one kind that end with `no_answer`. */
  failRequests(request: Request, fault: RequestFault, scope: Scope<string> = {}): this {
    const { when } = scope;
    this.#requests.add(fault, { ...scope, when: (sent) => sent.request === request && (when === undefined || when(sent.host)) });
    return this;
  }

  /** Signs of life that are not stored, and whose senders hear nothing. */
  loseBeats(scope: Scope<string> = {}): this {
    return this.failRequests("beat", { applied: false }, scope);
  }

  /** From here on everything goes well. */
  clear(): void {
    for (const rules of [this.#commits, this.#acks, this.#requests]) rules.clear();
  }

  /** For the world: the fault that a commit meets, if any. Counts. */
  forCommit(commit: SentCommit): CommitFault | undefined {
    return this.#commits.take(commit);
  }

  forAck(ack: SentAck): boolean {
    return this.#acks.take(ack) ?? false;
  }

  forRequest(host: string, request: Request): RequestFault | undefined {
    return this.#requests.take({ host, request });
  }
}

class Rules<Subject, Effect> {
  #rules: { readonly effect: Effect; readonly when: (subject: Subject) => boolean; left: number }[] = [];

  add(effect: Effect, { times = 1, when = () => true }: Scope<Subject>): void {
    this.#rules.push({ effect, when, left: times });
  }

  take(subject: Subject): Effect | undefined {
    const rule = this.#rules.find(({ when, left }) => left > 0 && when(subject));
    if (rule === undefined) return undefined;
    rule.left--;
    if (rule.left <= 0) this.#rules = this.#rules.filter((other) => other !== rule);
    return rule.effect;
  }

  clear(): void {
    this.#rules = [];
  }
}
