import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/core/address.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import type { TaskView } from "../../src/task-view.ts";
import { viewOf } from "../../src/view.ts";
import { asked, Trip, type Asked } from "./trip.ts";

/** What others hear of a plan: early acknowledgement, failures that come later, progress. */

const INBOX = { headers: { [HEADERS.replyTo]: "inbox" } };
const told = (trip: Trip) => trip.stand.replies.map(({ state, acknowledged, error }) => [state, acknowledged, error?.code]);
const published = (trip: Trip, name: string): unknown[] =>
  trip.stand.world.outgoing.flatMap((each) =>
    each.kind === "event" && each.name === name && formatAddress(each.from) === "trip/1"
      ? [JSON.parse(Buffer.from(each.body).toString())]
      : [],
  );

describe("whoever waits for a plan is told", () => {
  test.each([["accepted"], ["expanded"]] as const)("when it is %s, and hears of its failure later", async (ackOn) => {
    const trip = new Trip(() => ({ ackOn }));
    const { stand } = trip;
    await stand.open({ soonRounds: 0 });
    stand.start("trip", "1", { errands: [{ key: "a" }, { key: "b", ms: 5_000, failures: 9 }] }, INBOX);
    await stand.advance(1_000);
    expect(told(trip)).toEqual([["doing", ackOn, undefined]]);
    await stand.advance(10_000);
    expect(told(trip)).toEqual([
      ["doing", ackOn, undefined],
      ["failed", undefined, "child_failed"],
    ]);
    expect(published(trip, "failed")).toMatchObject([{ state: "failed", error: { code: "child_failed" }, rollback: { state: "done" } }]);
    trip.stand.check();
  });

  test("once it has finished, unless its definition says otherwise", async () => {
    const trip = new Trip();
    await trip.stand.open();
    trip.stand.start("trip", "1", asked("a"), INBOX);
    await trip.stand.settle();
    expect(told(trip)).toEqual([["done", undefined, undefined]]);
    expect(published(trip, "failed")).toEqual([]);
  });

  test("at once when it asks again after that", async () => {
    const trip = new Trip(() => ({ ackOn: "accepted" }));
    await trip.stand.open();
    trip.stand.start("trip", "1", { errands: [{ key: "a", ms: 5_000 }] });
    await trip.stand.advance(100);
    trip.stand.start("trip", "1", asked(), INBOX);
    await trip.stand.advance(100);
    expect(trip.stand.replies).toMatchObject([{ acknowledged: "accepted", duplicate: true }]);
  });

  test("of a failure by the next host, if the first died when it was stored", async () => {
    const trip = new Trip(() => ({ ackOn: "accepted" }));
    const { stand } = trip;
    const first = await stand.open();
    stand.world.onStep((step) => {
      if (step.kind === "commitApplied" && trip.hasEnded) first.kill("lost");
    });
    stand.start("trip", "1", { errands: [{ key: "a", ms: 5_000, failures: 9 }] }, INBOX);
    await stand.advance(6_000);
    expect([first.isDead, published(trip, "failed")]).toEqual([true, []]);
    await stand.open();
    await stand.advance(10_000);
    expect(published(trip, "failed")).toMatchObject([{ error: { code: "child_failed" } }]);
    expect(told(trip).at(-1)).toEqual(["failed", undefined, "child_failed"]);
    expect(trip.leftovers).toEqual([]);
  });
});

describe("a plan's progress", () => {
  const view = (trip: Trip) =>
    viewOf({ type: "trip", id: "1" }, trip.stand.world.read({ type: "trip", id: "1" }) as Uint8Array) as TaskView;

  test("is its children's, in its view and published as it grows", async () => {
    const trip = new Trip(() => ({ concurrency: 1 }));
    await trip.stand.open();
    trip.stand.start("trip", "1", { errands: ["a", "b", "c"].map((key) => ({ key, ms: 1_000 })) });
    await trip.stand.advance(1_500);
    expect(view(trip).progress).toEqual({ total: 3, done: 1, failed: 0, dropped: 0 });
    await trip.stand.advance(5_000);
    expect(published(trip, "progress")).toEqual([0, 1, 2, 3].map((done) => ({ type: "progress", total: 3, done, failed: 0, dropped: 0 })));
  });

  test("is told some twenty times, however many children there are", async () => {
    const trip = new Trip(() => ({
      expand: function* () {
        for (let i = 0; i < 1_000; i++) yield { kind: "job", input: { key: String(i) } };
      },
    }));
    await trip.stand.open({ concurrency: 50 });
    trip.stand.start("trip", "1", asked());
    await trip.stand.until(() => trip.hasEnded);
    await trip.stand.settle();
    expect(published(trip, "progress").length).toBeLessThan(60);
    expect(published(trip, "progress").at(-1)).toMatchObject({ total: 1_000, done: 1_000 });
  });

  test("counts the children of its children", async () => {
    const trip = new Trip(() => ({
      children: { job: "job", unjob: "unjob", trip: "trip" },
      concurrency: 1,
      expand: function* ({ input }) {
        const { errands, inner = [] } = input as Asked & { inner?: readonly Asked[] };
        for (const each of inner) yield { kind: "trip", input: each };
        for (const errand of errands) yield { kind: "job", key: errand.key, input: errand };
      },
    }));
    const errands = (...keys: string[]) => ({ errands: keys.map((key) => ({ key, ms: 1_000 })) });
    await trip.stand.open();
    trip.stand.start("trip", "1", { ...errands("x"), inner: [{ ...errands("a", "b"), inner: [errands("c", "d", "e")] }, errands()] });
    await trip.stand.advance(2_500);
    expect(view(trip).progress).toEqual({ total: 7, done: 2, failed: 0, dropped: 0 });
    await trip.stand.until(() => trip.hasEnded);
    expect(trip.state).toBe("done");
    expect(view(trip).progress).toEqual({ total: 6, done: 6, failed: 0, dropped: 0 });
    expect(trip.leftovers).toEqual([]);
  });
});
