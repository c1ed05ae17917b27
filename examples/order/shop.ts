import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TerminalError } from "../../src/index.ts";

/** What an order asks of the world outside. */
export interface Basket {
  /** The order's id: whatever is asked twice for one order happens once. */
  readonly order: string;
  readonly item: string;
  readonly price: number;
}

const ITEMS_IN_STOCK: Readonly<Record<string, number>> = { lamp: 100, book: 100, unicorn: 0 };
const DECLINED_CARD = "0002";

/**
 * The world outside of the machines: a warehouse, a bank and a carrier that keep their books in a folder, a file for each entry. An
 * entry that is there already is not made again, so every call may be repeated after a crash.
 */
export class Shop {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws TerminalError when nothing is left of the item */
  async reserve({ order, item }: Basket): Promise<void> {
    const entries = await this.entries("reserved");
    const taken = (await Promise.all(entries.map((entry) => this.#read("reserved", entry)))).filter((each) => each === item).length;
    if (!entries.includes(order) && taken >= (ITEMS_IN_STOCK[item] ?? 0)) throw new TerminalError(`There is no ${item} left`);
    await this.#enter("reserved", order, item);
  }

  async release({ order }: Basket): Promise<void> {
    await rm(join(this.#folder, "reserved", order), { force: true });
  }

  /** @throws TerminalError when the bank declines */
  async charge({ order, price }: Basket, card: string): Promise<string> {
    if (card === DECLINED_CARD) throw new TerminalError("The bank declines the card");
    await this.#enter("charged", order, String(price));
    return `receipt ${order}: ${price}`;
  }

  async refund({ order }: Basket): Promise<void> {
    if (!(await this.entries("charged")).includes(order)) return;
    await mkdir(join(this.#folder, "refunded"), { recursive: true });
    await rename(join(this.#folder, "charged", order), join(this.#folder, "refunded", order));
  }

  /** @throws TerminalError without an address */
  async ship({ order }: Basket, address: string): Promise<string> {
    if (address === "") throw new TerminalError("The parcel has no address");
    await this.#enter("parcels", order, address);
    return `parcel ${order}`;
  }

  /** For a custom action, which returns nothing. */
  remind({ order }: Basket, reminder: number): void {
    mkdirSync(join(this.#folder, "mail"), { recursive: true });
    writeFileSync(join(this.#folder, "mail", `${order}-${reminder}`), `Please pay for ${order}`);
  }

  /** The orders in one of the books: reserved, charged, refunded, parcels, mail. */
  async entries(book: string): Promise<readonly string[]> {
    return (await readdir(join(this.#folder, book)).catch(() => [])).filter((name) => !name.startsWith(".")).sort();
  }

  /** An entry is there whole or not at all. */
  async #enter(book: string, entry: string, text: string): Promise<void> {
    const folder = join(this.#folder, book);
    await mkdir(folder, { recursive: true });
    const draft = join(folder, `.${entry}-${process.pid}`);
    await writeFile(draft, text);
    await rename(draft, join(folder, entry));
  }

  #read(book: string, entry: string): Promise<string> {
    return readFile(join(this.#folder, book, entry), "utf8").catch(() => "");
  }
}
