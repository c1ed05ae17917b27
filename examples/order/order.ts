import { assign, forwardTo, setup } from "xstate";
import { defineActor, logicOf } from "../../src/index.ts";
import { payment } from "./payment.ts";
import { shipping } from "./shipping.ts";
import type { Basket } from "./shop.ts";
import { refund, release, reserve } from "./world.ts";

export interface OrderInput extends Basket {
  readonly address: string;
  /** How long the buyer may take before a reminder. Default: a day. */
  readonly patienceMs?: number;
  /** Default: a day. */
  readonly transitMs?: number;
}

export type OrderOutput =
  | { readonly outcome: "delivered"; readonly parcel: string }
  | { readonly outcome: "cancelled"; readonly reason: string };

const DAY_MS = 86_400_000;

/**
 * An order as a saga: every step has one that undoes it, and what was done is undone in reverse.
 *
 *   reserving ──► paying ──► shipping ──► delivered
 *       │           │            │ returned
 *       │           │            ▼
 *       │           │        refunding
 *       │           ▼            │
 *       │        releasing ◄─────┘
 *       ▼           ▼
 *       └──► cancelled        (where undoing fails: stuck, until somebody says retry)
 */
const machine = setup({
  types: {
    input: {} as OrderInput,
    context: {} as Required<OrderInput> & { refusals: number; parcel: string; reason: string },
    events: {} as { type: "card"; card: string } | { type: "cancel" } | { type: "refused" } | { type: "retry" },
    output: {} as OrderOutput,
  },
  actors: { reserve: logicOf(reserve), release: logicOf(release), refund: logicOf(refund), payment, shipping },
  actions: { because: assign({ reason: (_, { reason }: { reason: string }) => reason }) },
}).createMachine({
  id: "order",
  context: ({ input }) => ({ patienceMs: DAY_MS, transitMs: DAY_MS, ...input, refusals: 0, parcel: "", reason: "" }),
  initial: "reserving",
  states: {
    reserving: {
      invoke: {
        id: "stock",
        src: "reserve",
        input: ({ context }) => basketOf(context),
        onDone: "paying",
        onError: { target: "cancelled", actions: { type: "because", params: ({ event }) => ({ reason: messageOf(event.error) }) } },
      },
    },
    paying: {
      invoke: {
        id: "payment",
        src: "payment",
        input: ({ context }) => ({ ...basketOf(context), patienceMs: context.patienceMs }),
        onDone: [
          { guard: ({ event }) => event.output.paid, target: "shipping" },
          {
            target: "releasing",
            actions: { type: "because", params: ({ event: { output } }) => ({ reason: output.paid ? "" : output.reason }) },
          },
        ],
        onError: { target: "releasing", actions: { type: "because", params: ({ event }) => ({ reason: messageOf(event.error) }) } },
      },
      on: {
        card: { actions: forwardTo("payment") },
        cancel: { actions: forwardTo("payment") },
        refused: { actions: assign({ refusals: ({ context }) => context.refusals + 1 }) },
      },
    },
    shipping: {
      invoke: {
        id: "shipping",
        src: "shipping",
        input: ({ context }) => ({ ...basketOf(context), address: context.address, transitMs: context.transitMs }),
        onDone: [
          {
            guard: ({ event }) => event.output.parcel === "",
            target: "refunding",
            actions: { type: "because", params: { reason: "the parcel came back" } },
          },
          { target: "delivered", actions: assign({ parcel: ({ event }) => event.output.parcel }) },
        ],
        onError: { target: "refunding", actions: { type: "because", params: ({ event }) => ({ reason: messageOf(event.error) }) } },
      },
    },
    refunding: {
      invoke: { id: "refund", src: "refund", input: ({ context }) => basketOf(context), onDone: "releasing", onError: "stuck" },
    },
    releasing: {
      invoke: { id: "release", src: "release", input: ({ context }) => basketOf(context), onDone: "cancelled", onError: "stuck" },
    },
    stuck: { on: { retry: "refunding" } },
    delivered: { type: "final" },
    cancelled: { type: "final" },
  },
  output: ({ context: { parcel, reason } }) => (parcel === "" ? { outcome: "cancelled", reason } : { outcome: "delivered", parcel }),
});

export const order = defineActor({ name: "order", machine });

function basketOf({ order: id, item, price }: Basket): Basket {
  return { order: id, item, price };
}

function messageOf(error: unknown): string {
  return (error as { readonly message?: string }).message ?? String(error);
}
