/**
 * Says of an id whether it is certainly not in a set: never wrong about one that was added, and about few that were not (about three
 * in a hundred when it is full). A split block Bloom filter: one block of eight 32-bit words per id, one bit in each word, so that an
 * id costs one cache line whether it is there or not.
 */
export class IdFilter {
  /** Ids for which it was made: one per byte. */
  readonly capacity: number;
  readonly #words: Uint32Array;
  readonly #lastBlock: number;
  #size = 0;

  /** @param bytes rounded down to a power of two, at least one block of 32 */
  constructor(bytes: number) {
    this.capacity = 2 ** Math.floor(Math.log2(Math.max(BLOCK_BYTES, bytes)));
    // The system gives memory to pages that are written: an empty filter takes none.
    this.#words = new Uint32Array(this.capacity / WORD_BYTES);
    this.#lastBlock = this.capacity / BLOCK_BYTES - 1;
  }

  /** Ids that were added and not taken for known before. */
  get size(): number {
    return this.#size;
  }

  /** More ids would be taken for known too often. They may be added all the same. */
  get isFull(): boolean {
    return this.#size >= this.capacity;
  }

  /** `true` where it was certainly new. */
  add(id: string): boolean {
    const words = this.#words;
    const { block: first, bits } = this.#placed(id);
    let isNew = false;
    for (let i = 0; i < WORDS; i++) {
      const word = words[first + i] as number;
      const bit = bitIn(bits, i);
      if ((word & bit) !== 0) continue;
      isNew = true;
      words[first + i] = word | bit;
    }
    if (isNew) this.#size++;
    return isNew;
  }

  /** `false` only where it was certainly never added. */
  mayHave(id: string): boolean {
    const { block, bits } = this.#placed(id);
    for (let i = 0; i < WORDS; i++) if (((this.#words[block + i] as number) & bitIn(bits, i)) === 0) return false;
    return true;
  }

  /** Two hashes in one pass, mixed at the end: those of similar ids would otherwise be similar. */
  #placed(id: string): { readonly block: number; readonly bits: number } {
    let one = 0x9747b28c;
    let other = 0x3c6ef372;
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      one = Math.imul(one ^ unit, 0x85ebca77);
      other = Math.imul(other ^ unit, 0xc2b2ae3d);
    }
    one = Math.imul(one ^ (one >>> 15), 0x2c1b3c6d);
    other = Math.imul(other ^ (other >>> 13), 0x297a2d39);
    return { block: ((one ^ (one >>> 12)) & this.#lastBlock) * WORDS, bits: other ^ (other >>> 16) };
  }
}

const WORD_BYTES = 4;
const WORDS = 8;
const BLOCK_BYTES = WORDS * WORD_BYTES;

/** Odd constants of Apache Parquet's split block filter: each takes other bits of the same hash. */
const SALTS = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31] as const;

function bitIn(bits: number, word: number): number {
  return 1 << (Math.imul(bits, SALTS[word] as number) >>> 27);
}
