import { describe, expect, test } from "vitest";
import type { YieldedChild } from "../../src/plan-expansion.ts";
import { asked, Trip } from "./trip.ts";

/** Plans of more children than a commit or a record can hold. */

/** The largest record that the plan ever had, in bytes. */
function watchSize(trip: Trip): () => number {
  let most = 0;
  trip.stand.world.watch(({ address, bytes }) => {
    if (address.type === "trip") most = Math.max(most, bytes?.length ?? 0);
  });
  return () => most;
}

async function played(trip: Trip, ms = 600_000): Promise<void> {
  await trip.stand.open({ concurrency: 50 });
  trip.stand.start("trip", "1", asked());
  await trip.stand.until(() => trip.hasEnded, ms);
  await trip.stand.settle();
}

const many = (count: number, failing = -1): ((context: unknown) => Iterable<YieldedChild>) =>
  function* () {
    for (let i = 1; i <= count; i++) yield { kind: "job", input: { key: String(i), ...(i === failing ? { failures: 9 } : {}) } };
  };

describe("a plan of thousands", () => {
  test("needs no larger record than one of hundreds, and leaves no page behind", { timeout: 60_000 }, async () => {
    const sizeOf = async (count: number): Promise<number> => {
      const trip = new Trip(() => ({ expand: many(count) }));
      const size = watchSize(trip);
      await played(trip);
      expect([trip.state, trip.context.book.tally.done]).toEqual(["done", count]);
      expect(trip.leftovers).toEqual([]);
      return size();
    };
    // How many ends are told together, and so how far the book has gaps, is chance.
    expect(await sizeOf(4_000)).toBeLessThan((await sizeOf(800)) * 1.5);
  });

  test("is undone from its last child to its first, page after page", { timeout: 60_000 }, async () => {
    const trip = new Trip(() => ({ expand: many(1_500, 1_400), concurrency: 1 }));
    await played(trip);
    expect(trip.state).toBe("failed");
    expect(trip.context.rollback).toEqual({ state: "done", compensated: 1_399, failed: 0, errors: [] });
    const undone = trip.log.filter((words) => words.startsWith("unjob")).map((words) => Number(words.slice(6)));
    expect(undone).toEqual(Array.from({ length: 1_399 }, (_, i) => 1_399 - i));
    expect(trip.stand.world.records.size).toBeGreaterThan(2_800);
    expect(trip.leftovers).toEqual([]);
  });

  test("asks for children as it has room, from one generator while its host lives", async () => {
    const calls: unknown[] = [];
    const trip = new Trip(() => ({
      expand: function* (context) {
        calls.push(context.cursor);
        yield* many(1_000)(context);
      },
    }));
    await played(trip);
    expect([trip.state, calls]).toEqual(["done", [undefined]]);
  });

  test.each([
    ["goes on after the last cursor", (i: number) => ({ cursor: { last: i } }), { last: 256 }],
    ["counts to where it was without cursors", () => ({}), undefined],
  ])("whose host dies while it expands %s", async (_how, more, cursor) => {
    const calls: unknown[] = [];
    const trip = new Trip(() => ({
      concurrency: 10,
      expand: function* ({ cursor }) {
        calls.push(cursor);
        for (let i = ((cursor as { last: number } | undefined)?.last ?? 0) + 1; i <= 600; i++)
          yield { kind: "job", input: { key: String(i), ms: 10 }, ...more(i) };
      },
    }));
    const { stand } = trip;
    const first = await stand.open();
    stand.start("trip", "1", asked());
    await stand.until(() => stand.state("trip", "1") === "doing.expanding.pausing");
    await stand.advance(50);
    first.kill();
    await stand.advance(3_000);
    await stand.open({ concurrency: 50 });
    await stand.until(() => trip.hasEnded, 60_000);
    await stand.settle();
    expect([trip.state, calls]).toEqual(["done", [undefined, cursor]]);
    expect(new Set(trip.log).size).toBe(600);
    expect(trip.leftovers).toEqual([]);
  });
});
