import { expect, test } from "vitest";
import { Floor } from "../../src/runtime/floor.ts";

const mail = (sequence: number, id = `id${sequence}`) => ({ lane: "event" as const, type: "order", id, sequence });

const NOTHING = { lingering: [], stuck: [] };

const three = (floor: Floor) =>
  [3, 7, 9].map((sequence) => {
    const noted = mail(sequence);
    floor.delivered(noted);
    return noted;
  });

test("the floor rises with what is acknowledged without a gap", () => {
  const floor = new Floor();
  expect(floor.floor).toBe(0);
  const [one, two, three_] = three(floor) as [ReturnType<typeof mail>, ReturnType<typeof mail>, ReturnType<typeof mail>];
  expect(floor.floor).toBe(2);
  floor.acknowledged(two);
  expect(floor.floor).toBe(2);
  floor.acknowledged(one);
  expect(floor.floor).toBe(8);
  floor.acknowledged(three_);
  expect(floor.floor).toBe(9);
});

test("after a rewind the floor stays below what was open, until that has come again", () => {
  const floor = new Floor();
  const [, , last] = three(floor);
  floor.acknowledged(last as ReturnType<typeof mail>);
  floor.rewind();
  expect(floor.floor).toBeLessThan(3);
  const again = mail(3);
  floor.delivered(again);
  floor.acknowledged(again);
  expect(floor.floor).toBeLessThan(7);
});

test("what stays above the floor is found by the second look, and one by one behind what is open of the same actor", () => {
  const floor = new Floor();
  const noted = [mail(1, "long"), mail(2, "a"), mail(3, "b"), mail(4, "a"), mail(5, "b"), mail(6, "long")];
  for (const each of noted) floor.delivered(each);
  for (const each of [noted[1], noted[2], noted[4], noted[5]] as ReturnType<typeof mail>[]) floor.acknowledged(each);
  expect(floor.look()).toEqual(NOTHING);
  const { lingering, stuck } = floor.look();
  expect(stuck).toEqual([noted[0], noted[3]]);
  // `long` has one open at the floor itself, and `a` one above what was acknowledged.
  expect(floor.scatter(lingering)).toEqual({
    places: [
      { lane: "event", type: "order", id: "a", through: 2 },
      { lane: "event", type: "order", id: "b", through: 5 },
    ],
    single: [6],
  });
  expect(floor.look().lingering).toEqual([]);
});

test("a rewind makes nothing above the floor forgotten, nor does an acknowledgement from before it", () => {
  const floor = new Floor();
  const early = [mail(1, "long"), mail(2, "a"), mail(3, "a")];
  for (const each of early) floor.delivered(each);
  floor.acknowledged(early[2] as ReturnType<typeof mail>);
  floor.look();
  floor.rewind();
  floor.delivered(mail(1, "long"));
  floor.acknowledged(early[2] as ReturnType<typeof mail>);
  floor.look();
  expect(floor.look().lingering).toEqual([]);
});

test("an acknowledgement from before a rewind leaves open what has come again", () => {
  const floor = new Floor();
  const early = mail(1);
  floor.delivered(early);
  floor.rewind();
  floor.delivered(mail(1));
  floor.acknowledged(early);
  expect(floor.floor).toBe(0);
});

test("what is kept is found by the next look, until the floor has passed it", () => {
  const floor = new Floor();
  const noted = [mail(1, "long"), mail(2, "a"), mail(3, "b"), mail(4, "c")];
  for (const each of noted) floor.delivered(each);
  floor.acknowledged(noted[1] as ReturnType<typeof mail>);
  floor.look();
  floor.acknowledged(noted[3] as ReturnType<typeof mail>);
  const { lingering } = floor.look();
  floor.keep(lingering);
  expect(floor.look().lingering).toEqual([noted[1], noted[3]]);
  floor.keep(lingering);
  floor.acknowledged(noted[0] as ReturnType<typeof mail>);
  expect(floor.look()).toEqual({ lingering: [], stuck: [noted[2]] });
});

test("of what is acknowledged above the floor nothing is lost, however much it is", () => {
  const floor = new Floor();
  const noted = Array.from({ length: 5_000 }, (_, i) => mail(i + 1));
  for (const each of noted) floor.delivered(each);
  const [first, ...others] = noted as [ReturnType<typeof mail>, ...ReturnType<typeof mail>[]];
  for (const each of others) floor.acknowledged(each);
  floor.look();
  expect(floor.look()).toEqual({ lingering: others, stuck: [first] });
});
