export interface SlotInHandParts {
  /** More has been begun than there are slots. */
  readonly isOver: () => boolean;
  readonly slotFreed: () => void;
}

/**
 * The slot that a turn brings along: a start's own, or one that its task has waited for.
 *
 * Owns: the slot, while the turn is made. Calls in: performer.ts (`bring`), attempts.ts (`use`). Calls out: `slotFreed`.
 * I1. It goes to the attempt that the turn asks for, or back: never both, never neither.
 */
export class SlotInHand {
  readonly #parts: SlotInHandParts;
  #isThere = false;

  constructor(parts: SlotInHandParts) {
    this.#parts = parts;
  }

  bring(turn: () => void): void {
    this.#isThere = true;
    turn();
    if (this.#isThere) this.#parts.slotFreed();
    this.#isThere = false;
  }

  /** `false` where the turn brought none, or one that is not there. */
  use(): boolean {
    if (!this.#isThere || this.#parts.isOver()) return false;
    this.#isThere = false;
    return true;
  }
}
