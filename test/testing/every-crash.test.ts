import { expect, it } from "vitest";
import { assign, setup } from "xstate";
import { defineActor, defineTask, logicOf } from "../../src/index.ts";
import { CrashDifference, everyCrash, type OpenTroupe } from "../../src/testing.ts";

/** A till that charges a card, by a bank that knows an order by its id, or by one that does not. */
function till(bank: (order: string) => void) {
  const charge = defineTask<string, string>({
    name: "charge",
    run: ({ input }) => {
      bank(input);
      return `receipt ${input}`;
    },
  });
  const sale = defineActor({
    name: "sale",
    machine: setup({
      types: { input: {} as string, context: {} as { order: string; receipt: string }, output: {} as string },
      actors: { charge: logicOf(charge) },
    }).createMachine({
      id: "sale",
      context: ({ input }) => ({ order: input, receipt: "" }),
      initial: "cooling",
      states: {
        cooling: { after: { 60_000: "charging" } },
        charging: {
          invoke: {
            id: "charge",
            src: "charge",
            input: ({ context }) => context.order,
            onDone: { target: "sold", actions: assign({ receipt: ({ event }) => event.output }) },
          },
        },
        sold: { type: "final" },
      },
      output: ({ context }) => context.receipt,
    }),
  });
  return { charge, sale };
}

const scenario = (isCareful: boolean) => async (open: OpenTroupe) => {
  const charged: string[] = [];
  const { charge, sale } = till((order) => {
    if (!isCareful || !charged.includes(order)) charged.push(order);
  });
  await using troupe = open({ actors: [charge, sale] });
  const ref = await troupe.client.start(sale, { id: "s-1", input: "o-1" });
  return { receipt: await ref.result(), charged };
};

it("finds no difference where all that happens twice happens once", async () => {
  const report = await everyCrash(scenario(true));
  expect(report.outcome).toEqual({ receipt: "receipt o-1", charged: ["o-1"] });
  expect(report.unreached).toEqual([]);
  expect(report.points).toBeGreaterThan(10);
});

it("finds the first point at which a card is charged twice, and plays it alone", async () => {
  const difference = (await everyCrash(scenario(false)).catch((error: unknown) => error)) as CrashDifference;
  expect(difference).toBeInstanceOf(CrashDifference);
  expect(difference.message).toMatch(/host-0 had finished attempt 1 of charge\/\S+, and nothing of that was stored/);
  expect(difference.crashed).toEqual({ outcome: { receipt: "receipt o-1", charged: ["o-1", "o-1"] } });
  await expect(everyCrash(scenario(false), { only: difference.point })).rejects.toThrow(difference.message);
});

it("takes what the scenario throws for a difference, and what the undisturbed run throws as it is", async () => {
  let runs = 0;
  const brittle = async (open: OpenTroupe) => {
    const outcome = await scenario(true)(open);
    if (++runs > 3) throw new Error("expected to be better");
    return outcome;
  };
  await expect(everyCrash(brittle)).rejects.toThrow(/point 3 of[^]*with it: Error: expected to be better/);
  await expect(everyCrash(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  await expect(everyCrash(scenario(true), { only: 9_999 })).rejects.toMatchObject({ code: "bad_options" });
});
