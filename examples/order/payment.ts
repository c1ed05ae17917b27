import { assign, sendParent, setup } from "xstate";
import { logicOf } from "../../src/index.ts";
import type { Basket } from "./shop.ts";
import { charge, shop } from "./world.ts";

export interface PaymentInput extends Basket {
  /** How long the buyer may take before a reminder, and between two. */
  readonly patienceMs: number;
}

export type PaymentOutput = { readonly paid: true; readonly receipt: string } | { readonly paid: false; readonly reason: string };

const MOST_REMINDERS = 2;
const MOST_CARDS = 3;

/**
 *   waiting ── card ──► charging ── charged ──► paid
 *     ▲  │ patience       │ declined, the order hears of it (a third time: declined)
 *     │  └─► reminds      │
 *     │  (a third time: forgotten; cancel: cancelled)
 *     └───────────────────┘
 *
 * While the bank has a card it is too late to cancel: nobody knows yet what there is to pay back.
 */
export const payment = setup({
  types: {
    input: {} as PaymentInput,
    context: {} as PaymentInput & { reminders: number; cards: number; receipt: string },
    events: {} as { type: "card"; card: string } | { type: "cancel" },
    output: {} as PaymentOutput,
  },
  actors: { charge: logicOf(charge) },
  delays: { patience: ({ context }) => context.patienceMs },
  guards: {
    isForgotten: ({ context }) => context.reminders >= MOST_REMINDERS,
    wasLastCard: ({ context }) => context.cards >= MOST_CARDS,
  },
  actions: { remind: ({ context }) => shop.remind(context, context.reminders) },
}).createMachine({
  id: "payment",
  context: ({ input }) => ({ ...input, reminders: 0, cards: 0, receipt: "" }),
  initial: "waiting",
  states: {
    waiting: {
      on: { card: { target: "charging", actions: assign({ cards: ({ context }) => context.cards + 1 }) }, cancel: "cancelled" },
      after: {
        patience: [
          { guard: "isForgotten", target: "forgotten" },
          { target: "waiting", reenter: true, actions: [assign({ reminders: ({ context }) => context.reminders + 1 }), "remind"] },
        ],
      },
    },
    charging: {
      invoke: {
        id: "charge",
        src: "charge",
        input: ({ context: { order, item, price }, event }) => ({ order, item, price, card: event.type === "card" ? event.card : "" }),
        onDone: { target: "paid", actions: assign({ receipt: ({ event }) => event.output }) },
        onError: [
          { guard: "wasLastCard", target: "declined" },
          { target: "waiting", actions: sendParent({ type: "refused" }) },
        ],
      },
    },
    paid: { type: "final", output: ({ context }): PaymentOutput => ({ paid: true, receipt: context.receipt }) },
    declined: { type: "final", output: { paid: false, reason: "no card was good" } },
    forgotten: { type: "final", output: { paid: false, reason: "the buyer forgot" } },
    cancelled: { type: "final", output: { paid: false, reason: "the buyer cancelled" } },
  },
  output: ({ event }) => event.output as PaymentOutput,
});
