import type { StartLane } from "../core/address.ts";
import type { OwnerWord } from "../core/worker-talk.ts";
import type { Alarm } from "../ports/clock.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";

/**
 * Where an offered attempt is, for its owner; what of it is stored: core/offer.ts.
 *
 *              turn stored         take                 turn stored          result
 *   storing ───────────────► open ──────► granting ───────────────► taken ──────────► over
 *                             │                                       │ no word for too long, gave up: by the crash policy
 *                             │ its deadline passes                   │ given back unbegun: offered again, or run here
 *                             └──────────────► over ◄─────────────────┘ cancelled: the worker is told
 *
 * After a take-over it begins where its record is: `open` or `taken`, in the latter case with the whole time for the next word of its worker.
 */
export type OfferStage =
  /** What is stored may reach a worker before its owner knows: `early` waits for that. */
  | { readonly kind: "storing"; readonly early?: () => void }
  | { readonly kind: "open" }
  | { readonly kind: "granting"; readonly worker: Worker; answer: (word: OwnerWord) => void }
  | { readonly kind: "taken"; readonly worker: Worker; readonly since: number; heardAt: number; watch: Alarm | undefined }
  | { readonly kind: "over" };

export type TakenStage = Extract<OfferStage, { kind: "taken" }>;

export interface Worker {
  readonly worker: string;
  /** Where it hears at once that it should stop. */
  readonly tell?: string;
}

/** One try of a task's work that another host may take. Stands among its actor's attempts, without a slot. */
export class OfferedAttempt {
  readonly activation: Activation;
  readonly name: string;
  readonly generation: number;
  readonly attempt: number;
  readonly token: string;
  readonly lane: StartLane;
  readonly labels: readonly string[];
  /** When it was offered, epoch ms. */
  readonly since: number;
  /** Another host's slot was counted on. */
  readonly isSpill: boolean;
  readonly holds: Hold[];
  readonly timeoutMs: number | undefined;
  readonly isLasting = true;
  readonly hasSlot = false;
  /** Its owner's end does not end it: the partition need not stay. */
  readonly mayRepeat = true;
  stage: OfferStage = { kind: "storing" };

  constructor(options: Omit<OfferedAttempt, "isLasting" | "hasSlot" | "mayRepeat" | "stage">) {
    this.activation = options.activation;
    this.name = options.name;
    this.generation = options.generation;
    this.attempt = options.attempt;
    this.token = options.token;
    this.lane = options.lane;
    this.labels = options.labels;
    this.since = options.since;
    this.isSpill = options.isSpill;
    this.holds = options.holds;
    this.timeoutMs = options.timeoutMs;
  }
}
