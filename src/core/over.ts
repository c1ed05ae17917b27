import { TroupeError } from "./errors.ts";

/**
 * The end of a wait, for whoever works within it: says that it is over, and tells whoever wants to know at once. An AbortSignal, which
 * costs as much as the rest of a short call, is made when somebody asks for one. Made by those that bound waits.
 */
export class Over {
  #isOver = false;
  #ends: (() => void)[] = [];
  #controller: AbortController | undefined;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls once, at the end. Returns the way to be told no more. */
  tell(action: () => void): () => void {
    this.#ends.push(action);
    return () => {
      const at = this.#ends.indexOf(action);
      if (at >= 0) this.#ends.splice(at, 1);
    };
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isOver) this.#controller.abort(REASON);
    }
    return this.#controller.signal;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort(REASON);
    for (const action of this.#ends.splice(0)) action();
  }
}

/** Said once for all: a reason that is made for each wait, with its stack, costs more than the rest of it. */
const REASON = new TroupeError("stopped", "What this was for is over");
