import type { Store } from "../ports/store.ts";
import type { Activation } from "./activation.ts";

const MOST_PER_LOAD = 512;

/**
 * Reads records, those that are wanted at the same moment with one request.
 * Calls in: delivery.ts. Calls out: the store, then `loaded` or `failed` for each activation.
 */
export class Loader {
  readonly #store: Store;
  readonly #loaded: (activation: Activation, bytes: Uint8Array | undefined) => void;
  readonly #failed: (activation: Activation, error: Error) => void;
  #wanted: Activation[] = [];

  constructor(
    store: Store,
    loaded: (activation: Activation, bytes: Uint8Array | undefined) => void,
    failed: (activation: Activation, error: Error) => void,
  ) {
    this.#store = store;
    this.#loaded = loaded;
    this.#failed = failed;
  }

  load(activation: Activation): void {
    this.#wanted.push(activation);
    // A socket read hands over all its messages before any microtask runs: what arrived together is read together, at once.
    if (this.#wanted.length === 1) queueMicrotask(() => this.#read());
  }

  #read(): void {
    const wanted = this.#wanted;
    this.#wanted = [];
    for (let from = 0; from < wanted.length; from += MOST_PER_LOAD) void this.#readSome(wanted.slice(from, from + MOST_PER_LOAD));
  }

  async #readSome(activations: readonly Activation[]): Promise<void> {
    try {
      const records = await this.#store.load(activations.map((activation) => activation.address));
      activations.forEach((activation, i) => this.#loaded(activation, records[i]));
    } catch (error) {
      for (const activation of activations) this.#failed(activation, error as Error);
    }
  }
}
