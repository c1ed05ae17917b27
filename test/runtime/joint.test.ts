import { expect, test } from "vitest";
import { emptyPending, Activation, type Pending } from "../../src/runtime/activation.ts";
import { join, leave, partnersOf, sizeTogether } from "../../src/runtime/joint.ts";
import { addWrite, merge, messagesIn, removeWrite } from "../../src/runtime/pending.ts";
import { Session } from "../../src/runtime/session.ts";
import { defineTask } from "../../src/define.ts";

const definition = defineTask({ name: "job", run: () => undefined });
const session = new Session(0, 1);

function member(id: string, ...places: readonly string[]): Activation {
  const activation = new Activation({ type: "job", id }, definition, session);
  activation.pending = pendingWith(...places);
  return activation;
}

function pendingWith(...places: readonly string[]): Pending {
  const pending = emptyPending();
  for (const place of places)
    addWrite(pending, place, { kind: "cancelTimer", partition: 0, owner: { type: "job", id: "1" }, timer: place });
  return pending;
}

/** What `size` is to say: two for each member, and every write that lies in one of them. */
const counted = (members: readonly Activation[]): number => members.reduce((sum, { pending }) => sum + 2 + (pending?.writes?.size ?? 0), 0);

test("a joint counts its members and what they write, whoever joins whom, and whatever is added and taken out", () => {
  const all = [member("a", "x", "y"), member("b"), member("c", "z")];
  const [a, b, c] = all as [Activation, Activation, Activation];
  expect(sizeTogether(a, b)).toBe(6);
  join(a, b);
  join(c, b);
  addWrite(c.pending as Pending, "late", { kind: "cancelTimer", partition: 0, owner: c.address, timer: "late" });
  removeWrite(a.pending as Pending, "x");
  expect(messagesIn(b.pending)).toBe(counted(all));
  expect(partnersOf(a)).toEqual([b, c]);
  expect(a.pending?.joint?.isFree).toBe(true);
  c.committing = emptyPending();
  expect(a.pending?.joint?.isFree).toBe(false);
});

test("who joined and heard nothing leaves no trace", () => {
  const a = member("a");
  const b = new Activation({ type: "job", id: "b" }, definition, session);
  join(a, b);
  leave(b);
  expect([b.pending, messagesIn(a.pending), partnersOf(a)]).toEqual([undefined, 2, []]);
});

test.each([
  ["the refused turns", true, false],
  ["the later ones", false, true],
  ["both", true, true],
])("turns that come back are counted where %s are joint", (_name, isEarlierJoint, isLaterJoint) => {
  const [a, b, c] = [member("a", "x", "timer"), member("b", "y"), member("c")] as [Activation, Activation, Activation];
  if (isEarlierJoint) join(a, b);
  a.committing = a.pending;
  a.pending = pendingWith("timer", "z");
  if (isLaterJoint) join(a, c);
  const merged = merge(a.committing as Pending, a.pending);
  a.committing = undefined;
  a.pending = merged;
  expect(merged.writes?.size).toBe(3);
  expect(messagesIn(merged)).toBe(counted([...(merged.joint?.members ?? [])]));
  expect(merged.joint?.members.has(a)).toBe(true);
});

test("turns that come back wait for no child: what they asked for goes over the store", () => {
  const later = pendingWith("z");
  later.isAwaited = true;
  expect(merge(pendingWith("x"), later).isAwaited).toBe(false);
});
