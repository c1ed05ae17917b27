import type { Address } from "../core/address.ts";
import type { Source } from "../ports/mailbox.ts";
import type { Commit, CommitOutcome } from "../ports/store.ts";

/**
 * Everything that can be seen from outside, told at the moment it happens: the points at which a test may kill a host. The first
 * group happens in the host's process (killed there, a host does no more), the second on the server (which goes on in any case).
 */
export type Step =
  | { readonly kind: "commitSent"; readonly host: string; readonly commit: Commit }
  | { readonly kind: "commitAnswered"; readonly host: string; readonly commit: Commit; readonly outcome: CommitOutcome }
  | { readonly kind: "delivered"; readonly host: string; readonly partition: number; readonly source: Source; readonly sequence: number }
  | { readonly kind: "ackSent"; readonly host: string; readonly partition: number; readonly source: Source; readonly sequence: number }
  | { readonly kind: "requestSent"; readonly host: string; readonly request: Request }
  | { readonly kind: "requestAnswered"; readonly host: string; readonly request: Request }
  | { readonly kind: "commitReceived"; readonly host: string; readonly commit: Commit }
  | { readonly kind: "commitApplied"; readonly host: string; readonly commit: Commit; readonly outcome: CommitOutcome }
  | { readonly kind: "acknowledged"; readonly host: string; readonly partition: number; readonly source: Source; readonly sequence: number }
  | { readonly kind: "claimed"; readonly host: string; readonly partition: number; readonly fence: number }
  | { readonly kind: "released"; readonly host: string; readonly partition: number; readonly fence: number }
  | {
      readonly kind: "forgotten";
      readonly host: string;
      readonly partition: number;
      readonly source: Source;
      readonly throughSequence: number;
    }
  | { readonly kind: "timerFired"; readonly partition: number; readonly owner: Address; readonly timer: string }
  | {
      readonly kind: "published";
      readonly partition: number;
      readonly source: Source;
      readonly sequence: number;
      readonly to: Address;
    };

export type StepKind = Step["kind"];

/** The requests of the ports, by the name of their method. A commit is none: its answer is never an exception. */
const REQUESTS = [
  "load",
  "loadParts",
  "census",
  "forget",
  "open",
  "awaits",
  "owners",
  "claim",
  "release",
  "beat",
  "members",
  "leave",
  "alive",
  "publish",
  "read",
  "discard",
  "fetch",
  "find",
  "ask",
  "report",
] as const;
export type Request = (typeof REQUESTS)[number];

export type StepListener = (step: Step) => void;

/** Tells every listener in the order in which they came. */
export class Steps {
  readonly #listeners = new Set<StepListener>();

  listen(listener: StepListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(step: Step): void {
    for (const listener of this.#listeners) listener(step);
  }
}
