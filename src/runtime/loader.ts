import { coverOf, isCover, joined } from "../core/cover.ts";
import { TroupeError } from "../core/errors.ts";
import type { Store } from "../ports/store.ts";
import type { Activation } from "./activation.ts";

const MOST_PER_LOAD = 512;
/** Cover and parts that do not belong together: another host has the partition and goes on with it, or what is stored is damaged. */
const MOST_TRIES = 3;

/**
 * Reads records, those that are wanted at the same moment with one request. What lies in parts is put together; what cannot be is
 * handed over as it is stored, and cannot be decoded.
 * Calls in: entrance.ts. Calls out: the store, then `loaded` or `failed` for each activation.
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
      activations.forEach((activation, i) => {
        const stored = records[i];
        if (stored === undefined || !isCover(stored)) this.#loaded(activation, stored);
        else void this.#readParts(activation, stored);
      });
    } catch (error) {
      for (const activation of activations) this.#failed(activation, error as Error);
    }
  }

  async #readParts(activation: Activation, found: Uint8Array): Promise<void> {
    const { address } = activation;
    try {
      let stored: Uint8Array | undefined = found;
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const cover = stored === undefined ? undefined : coverOf(stored);
        if (cover === undefined) break;
        const record = joined(cover, await this.#store.loadParts(address, cover.parts));
        if (record !== undefined) {
          activation.parts = cover.parts;
          this.#loaded(activation, record);
          return;
        }
        [stored] = await this.#store.load([address]);
      }
      this.#loaded(activation, stored);
    } catch (error) {
      if (error instanceof TroupeError && error.code === "bad_payload") this.#loaded(activation, found);
      else this.#failed(activation, error as Error);
    }
  }
}
