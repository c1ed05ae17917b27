import { assign, setup } from "xstate";
import { logicOf } from "../../src/index.ts";
import type { Basket } from "./shop.ts";
import { ship } from "./world.ts";

export interface ShippingInput extends Basket {
  readonly address: string;
  readonly transitMs: number;
}

/**
 *   handing over ──► in transit ──► delivered
 *     └─ refused ──► returned
 */
export const shipping = setup({
  types: {
    input: {} as ShippingInput,
    context: {} as ShippingInput & { parcel: string },
    output: {} as { readonly parcel: string },
  },
  actors: { ship: logicOf(ship) },
  delays: { transit: ({ context }) => context.transitMs },
}).createMachine({
  id: "shipping",
  context: ({ input }) => ({ ...input, parcel: "" }),
  initial: "handingOver",
  states: {
    handingOver: {
      invoke: {
        id: "ship",
        src: "ship",
        input: ({ context: { order, item, price, address } }) => ({ order, item, price, address }),
        onDone: { target: "inTransit", actions: assign({ parcel: ({ event }) => event.output }) },
        onError: "returned",
      },
    },
    inTransit: { after: { transit: "delivered" } },
    delivered: { type: "final" },
    returned: { type: "final" },
  },
  output: ({ context }) => ({ parcel: context.parcel }),
});
