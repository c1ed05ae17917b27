import { expect, test } from "vitest";
import { MailFloor } from "../../src/runtime/mail-floor.ts";

test("the floor rises with what is acknowledged without a gap", () => {
  const floor = new MailFloor();
  expect(floor.floor).toBe(0);
  for (const sequence of [3, 7, 9]) floor.delivered(sequence);
  expect(floor.floor).toBe(2);
  floor.acknowledged(7);
  expect(floor.floor).toBe(2);
  floor.acknowledged(3);
  expect(floor.floor).toBe(8);
  floor.acknowledged(9);
  expect(floor.floor).toBe(9);
});

test("after a rewind the floor stays below what was open, until that has come again", () => {
  const floor = new MailFloor();
  for (const sequence of [3, 7, 9]) floor.delivered(sequence);
  floor.acknowledged(9);
  floor.rewind();
  expect(floor.floor).toBeLessThan(3);
  floor.delivered(3);
  floor.acknowledged(3);
  expect(floor.floor).toBeLessThan(7);
});
