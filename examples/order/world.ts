import { defineTask } from "../../src/index.ts";
import { Shop, type Basket } from "./shop.ts";

/** Where the shop keeps its books: `SHOP`, or a folder beside the server's data. */
export const shop = new Shop(process.env["SHOP"] ?? ".troupe/shop");

const retry = { attempts: 5, minDelayMs: 100 };

/** What an order does to the world outside, each a task of its own: tried again until it is done, and undone by another one. */
export const reserve = defineTask<Basket, void>({ name: "reserve", retry, run: ({ input }) => shop.reserve(input) });
export const release = defineTask<Basket, void>({ name: "release", retry, run: ({ input }) => shop.release(input) });
export const charge = defineTask<Basket & { readonly card: string }, string>({
  name: "charge",
  retry,
  run: ({ input }) => shop.charge(input, input.card),
});
export const refund = defineTask<Basket, void>({ name: "refund", retry, run: ({ input }) => shop.refund(input) });
export const ship = defineTask<Basket & { readonly address: string }, string>({
  name: "ship",
  retry,
  run: ({ input }) => shop.ship(input, input.address),
});
