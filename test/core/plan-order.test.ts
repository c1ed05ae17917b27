import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PlanBook, PlannedChild, PlanOrder } from "../../src/core/plan-book.ts";
import { isIdle } from "../../src/core/plan-book.ts";
import { begun, faultsOfGraph, released, removed, takenIn } from "../../src/core/plan-order.ts";
import { undoable, undoing } from "../../src/core/plan-rollback.ts";
import { EMPTY_BOOK } from "./plan-books.ts";

/** Which child begins, and which is undone, next. */

/** Children of an acyclic graph, in any order, with steps that never go back. */
const family: fc.Arbitrary<readonly PlannedChild[]> = fc
  .array(fc.record({ after: fc.array(fc.nat(), { maxLength: 3 }), step: fc.nat({ max: 2 }), rank: fc.nat() }), { maxLength: 30 })
  .map((drawn) => {
    let step = 0;
    return drawn.map(({ after, step: more }, i): PlannedChild => {
      step += more === 2 ? 1 : 0;
      return { key: `k${i}`, kind: "job", input: i, size: 1, step, after: [...new Set(i === 0 ? [] : after.map((n) => `k${n % i}`))] };
    });
  });

interface Played {
  readonly begun: readonly string[];
  readonly ended: readonly string[];
  readonly mostLive: number;
  readonly book: PlanBook;
}

/** Plays a family to its end; `pick` says which of those that are live ends next. `look` sees every state. */
function play(
  children: readonly PlannedChild[],
  order: PlanOrder,
  limit: number,
  pick: (count: number) => number,
  look: (book: PlanBook) => void = () => {},
): Played {
  let { book } = takenIn(EMPTY_BOOK, children, order);
  const started: string[] = [];
  const ended: string[] = [];
  let mostLive = 0;
  for (;;) {
    const next = begun(book, order, limit);
    book = next.book;
    started.push(...next.begin.map(({ key }) => key));
    const live = book.live.map(({ key }) => key);
    mostLive = Math.max(mostLive, live.length);
    look(book);
    const key = live[pick(live.length)];
    if (key === undefined) return { begun: started, ended, mostLive, book };
    const child = book.live.find((each) => each.key === key) as PlannedChild;
    book = undoable(released(removed(book, key), key), { key, kind: "undo", input: null, size: 1, step: child.step ?? 0 });
    ended.push(key);
  }
}

const picks = fc
  .infiniteStream(fc.nat())
  .map((numbers) => (count: number) => (count === 0 ? -1 : (numbers.next().value as number) % count));
const orders = fc.constantFrom<PlanOrder>("any", "steps", "graph");

describe("whatever the order, the limit and who ends first", () => {
  test("every child begins once, never more at once than the limit, and nobody waits for ever", () => {
    fc.assert(
      fc.property(family, orders, fc.integer({ min: 1, max: 8 }), picks, (children, order, limit, pick) => {
        const { begun, mostLive, book } = play(children, order, limit, pick);
        expect([...begun].sort()).toEqual(children.map(({ key }) => key).sort());
        expect(mostLive).toBeLessThanOrEqual(limit);
        expect(isIdle(book)).toBe(true);
      }),
    );
  });

  test("no child of a graph begins before those that it names have ended", () => {
    fc.assert(
      fc.property(family, fc.integer({ min: 1, max: 8 }), picks, (children, limit, pick) => {
        const ended = new Set<string>();
        let live = new Set<string>();
        play(children, "graph", limit, pick, (book) => {
          const now = new Set(book.live.map(({ key }) => key));
          for (const key of live) if (!now.has(key)) ended.add(key);
          for (const key of now) {
            if (live.has(key)) continue;
            const { after = [] } = children.find((child) => child.key === key) as PlannedChild;
            expect(after.filter((other) => !ended.has(other))).toEqual([]);
          }
          live = now;
        });
      }),
    );
  });

  test("children of two steps are never live together", () => {
    fc.assert(
      fc.property(family, fc.integer({ min: 1, max: 8 }), picks, (children, limit, pick) => {
        play(children, "steps", limit, pick, ({ live }) => {
          expect(new Set(live.map(({ step }) => step)).size).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  test("all that were done are undone once, begun in reverse, step by step backwards", () => {
    fc.assert(
      fc.property(family, orders, fc.integer({ min: 1, max: 8 }), picks, (children, order, limit, pick) => {
        const played = play(children, order, 4, pick);
        let { book } = played;
        const undone: string[] = [];
        for (;;) {
          const next = undoing(book, order, limit);
          book = next.book;
          undone.push(...next.begin.map(({ key }) => key));
          const live = book.live;
          if (order === "steps") expect(new Set(live.map(({ step }) => step)).size).toBeLessThanOrEqual(1);
          expect(live.length).toBeLessThanOrEqual(order === "graph" ? 1 : limit);
          const key = live[pick(live.length)]?.key;
          if (key === undefined) break;
          book = removed(book, key);
        }
        expect(undone).toEqual(played.ended.toReversed());
      }),
    );
  });
});

describe("a graph", () => {
  const child = (key: string, ...after: string[]): PlannedChild => ({ key, kind: "job", input: null, size: 1, after });

  test("without a cycle is well, in whatever order it is told", () => {
    fc.assert(
      fc.property(
        family.chain((children) => fc.shuffledSubarray([...children], { minLength: children.length })),
        (children) => {
          expect(faultsOfGraph(children)).toEqual([]);
        },
      ),
    );
  });

  test("with an edge that closes a cycle is refused, and whoever is in it named", () => {
    fc.assert(
      fc.property(family, fc.nat(), (children, n) => {
        const from = children[n % Math.max(1, children.length)];
        fc.pre(from !== undefined);
        const last = children.length;
        const cyclic = [
          ...children.map((each) => (each === from ? { ...each, after: [...(each.after ?? []), `k${last}`] } : each)),
          child(`k${last}`, from?.key ?? ""),
        ];
        expect(faultsOfGraph(cyclic).map(({ path }) => path)).toEqual(expect.arrayContaining([from?.key, `k${last}`]));
      }),
    );
  });

  test("that waits for itself, or for nobody, is refused", () => {
    expect(faultsOfGraph([child("a", "a"), child("b")]).map(({ path }) => path)).toEqual(["a"]);
    expect(faultsOfGraph([child("a", "z"), child("b")]).map(({ path }) => path)).toEqual(["a"]);
  });
});
