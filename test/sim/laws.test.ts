import { expect, test } from "vitest";
import { check, LAW_NAMES, type LawName } from "./checker.ts";
import type { Line, StoredRecord, StoredWrite } from "./history.ts";

/** The least history that breaks each law, and beside it one that does not: no law holds for want of looking. */

type Note = Line extends infer L ? (L extends Line ? Omit<L, "at"> : never) : never;

const FENCE: Note = { kind: "owned", partition: 0, fence: 1, host: "h" };
const LIMITED: Note = { kind: "limited", type: "a", atOnce: 1 };
const KEYED: Note = { kind: "limited", type: "a", atOnce: 2, perKey: 1 };
const permit = (name: string): StoredWrite => ({ kind: "ticket", actor: "a/1", partition: 0, stand: "permit", name });
const CALM: Note = { kind: "calm" };
const rest = (more: Partial<Extract<Note, { kind: "rest" }>> = {}): Note => ({ kind: "rest", unacknowledged: [], timers: [], ...more });
const accepted = (actor: string, source = "in.normal"): Note => ({ kind: "accepted", source, partition: 0, sequence: 7, actor });

function record(actor: string, more: Partial<StoredRecord> = {}): StoredWrite {
  const first: StoredRecord = {
    revision: 1,
    epoch: 1,
    generation: 0,
    status: "active",
    value: "doing",
    context: null,
    marks: {},
    activities: {},
    timers: {},
    createdAt: 5,
    updatedAt: 5,
  };
  return { kind: "record", actor, partition: 0, record: { ...first, ...more } };
}
const DONE: Partial<StoredRecord> = { revision: 2, status: "done", value: "done" };
const stored = (...writes: readonly StoredWrite[]): Note => ({ kind: "stored", fences: { 0: 1 }, writes });
const turn = (revision: number): StoredWrite => ({ kind: "turn", actor: "a/1", partition: 0, revision });
const begun = (policy: "rerun" | "fail", attempt = 1): Note => ({ kind: "begun", host: "h", actor: "a/1", attempt, epoch: 1, policy });
const ended = (how: "threw" | "returned"): Note => ({ kind: "ended", host: "h", actor: "a/1", attempt: 1, epoch: 1, how });
const doing = (attempt = 1): Note => stored(record("a/1", { revision: attempt, activities: { run: { input: { attempt }, reruns: 0 } } }));
const heard = (...names: readonly string[]): Partial<StoredRecord> => ({ context: { heard: names } });

const WAITS = { timers: { t: { dueAt: 10, keeper: "server" } } } as const satisfies Partial<StoredRecord>;
const CHILDREN = { children: { c: { type: "c", id: "1", generation: 1 } } };
const PARENT = { parent: { type: "a", id: "1" } };

const BROKEN: readonly (readonly [law: LawName, words: string, broken: readonly Note[], well: readonly Note[]])[] = [
  [
    "fence",
    "a commit under another fence",
    [FENCE, { kind: "stored", fences: { 0: 9 }, writes: [record("a/1")] }],
    [FENCE, stored(record("a/1"))],
  ],
  ["fence", "a record of another holding", [FENCE, stored(record("a/1", { epoch: 2 }))], [FENCE, stored(record("a/1"))]],
  ["chain", "a fork", [stored(record("a/1")), stored(record("a/1"))], [stored(record("a/1")), stored(record("a/1", { revision: 2 }))]],
  ["chain", "a second beginning", [stored(record("a/1")), stored(record("a/1", { revision: 2, createdAt: 6 }))], [stored(record("a/1"))]],
  [
    "chain",
    "a change after the end",
    [stored(record("a/1", DONE)), stored(record("a/1", { ...DONE, revision: 3 }))],
    [stored(record("a/1", DONE))],
  ],
  [
    "chain",
    "a turn that is missing",
    [stored(turn(1), turn(3), record("a/1", { revision: 3 }))],
    [stored(turn(1), turn(2), record("a/1", { revision: 2 }))],
  ],
  [
    "one-end",
    "two ends",
    [stored(record("a/1", DONE)), stored(record("a/1", { ...DONE, value: "failed", revision: 3 }))],
    [stored(record("a/1", DONE))],
  ],
  ["one-end", "no end", [accepted("a/1"), stored(record("a/1"))], [accepted("a/1"), stored(record("a/1", DONE))]],
  [
    "mark",
    "a mark that goes back",
    [stored(record("a/1", { marks: { x: 5 } })), stored(record("a/1", { revision: 2, marks: { x: 4 } }))],
    [stored(record("a/1", { marks: { x: 5 } })), stored(record("a/1", { revision: 2, marks: { x: 5 } }))],
  ],
  [
    "kept",
    "an acknowledgement too soon",
    [{ ...(accepted("a/1") as object), kind: "acknowledged", host: "h" } as Note, stored(record("a/1"))],
    [stored(record("a/1")), { ...(accepted("a/1") as object), kind: "acknowledged", host: "h" } as Note],
  ],
  ["committed-first", "work too soon", [begun("fail"), doing()], [doing(), begun("fail")]],
  [
    "committed-first",
    "an action of no turn",
    [{ kind: "effect", actor: "a/1", key: "k" }],
    [stored(record("a/1", { owed: [{ key: "k" }] })), { kind: "effect", actor: "a/1", key: "k" }],
  ],
  [
    "committed-first",
    "an answer of no turn",
    [{ kind: "answered", to: "x" }],
    [stored(record("a/1", { replies: [{ to: "x" }] })), { kind: "answered", to: "x" }],
  ],
  [
    "committed-first",
    "an event of no turn",
    [{ kind: "emitted", actor: "a/1", heard: "c#0" }],
    [stored(record("a/1", heard("c#0"))), { kind: "emitted", actor: "a/1", heard: "c#0" }],
  ],
  [
    "committed-first",
    "an outcome of no end",
    [stored(record("a/1")), { kind: "outcome", actor: "a/1", state: "done" }],
    [stored(record("a/1", DONE)), { kind: "outcome", actor: "a/1", state: "done" }],
  ],
  [
    "at-most-once",
    "the same attempt twice",
    [doing(), begun("fail"), { ...begun("fail"), host: "other" } as Note],
    [doing(), begun("fail")],
  ],
  [
    "at-most-once",
    "another attempt for nothing",
    [doing(), begun("fail"), ended("returned"), doing(2), begun("fail", 2)],
    [doing(), begun("fail"), ended("threw"), doing(2), begun("fail", 2)],
  ],
  ["attempts", "one number twice", [begun("rerun"), ended("threw"), begun("rerun")], [begun("rerun"), ended("threw"), begun("rerun", 2)]],
  [
    "limit",
    "too many at once",
    [{ kind: "limit", host: "h", most: 1 }, begun("rerun"), { ...begun("rerun"), actor: "a/2" } as Note],
    [{ kind: "limit", host: "h", most: 1 }, begun("rerun"), ended("returned"), { ...begun("rerun"), actor: "a/2" } as Note],
  ],
  [
    "permits",
    "too many at once",
    [LIMITED, stored(record("a/1")), stored(record("a/2"))],
    [LIMITED, stored(record("a/1")), stored(record("a/1", DONE)), stored(record("a/2"))],
  ],
  [
    "permits",
    "too many of a key",
    [KEYED, stored(record("a/1", { permit: { stance: "has", key: "k" } })), stored(record("a/2", { permit: { stance: "has", key: "k" } }))],
    [KEYED, stored(record("a/1", { permit: { stance: "has", key: "k" } })), stored(record("a/2", { permit: { stance: "has", key: "l" } }))],
  ],
  ["permits", "two permits", [LIMITED, stored(permit("1"), permit("2"))], [LIMITED, stored(permit("1"))]],
  ["permits", "a permit of nobody", [rest({ tickets: [{ actor: "a/1", stand: "permit" }] })], [rest({ tickets: [] })]],
  ["generation", "news of what was left", [stored(record("a/1", heard("late part 1")))], [stored(record("a/1", heard("part#0")))]],
  ["heard", "something twice", [stored(record("a/1", heard("c#0", "c#0")))], [stored(record("a/1", heard("c#0", "c#1")))]],
  ["heard", "something out of order", [stored(record("a/1", heard("c#1", "c#0")))], [stored(record("a/1", heard("c#0", "d#0", "c#1")))]],
  [
    "heard",
    "something never",
    [{ kind: "promised", actor: "a/1", heard: "c#0" }, stored(record("a/1", heard()))],
    [{ kind: "promised", actor: "a/1", heard: "c#0" }, stored(record("a/1", heard("c#0")))],
  ],
  [
    "orphan",
    "a child without a parent",
    [stored(record("a/1", DONE)), stored(record("c/1", PARENT))],
    [stored(record("a/1", CHILDREN)), stored(record("c/1", PARENT))],
  ],
  ["orphan", "a parent that waits in vain", [stored(record("a/1", CHILDREN))], [stored(record("a/1", { ...CHILDREN, ended: [1] }))]],
  [
    "timer",
    "a timer that did not fire",
    [stored(record("a/1", WAITS)), { ...(rest() as object), at: 100_000 } as unknown as Note],
    [stored(record("a/1", WAITS)), rest()],
  ],
  [
    "timer",
    "a timer of nobody",
    [stored(record("a/1", DONE)), rest({ timers: [{ actor: "a/1", timer: "t", dueAt: 9 }] })],
    [stored(record("a/1", WAITS)), rest({ timers: [{ actor: "a/1", timer: "t", dueAt: 9 }] })],
  ],
  ["settled", "mail that nobody takes", [CALM, rest({ unacknowledged: ["0 in.normal a/1"] })], [CALM, rest()]],
  [
    "settled",
    "an end that may not be",
    [{ kind: "expected", actor: "a/1", states: ["done"] }, stored(record("a/1", { ...DONE, value: "failed" })), CALM],
    [{ kind: "expected", actor: "a/1", states: ["done"] }, stored(record("a/1", DONE)), CALM],
  ],
];

const linesOf = (notes: readonly Note[]): readonly Line[] => notes.map((note, at) => ({ at, ...note }));

test.each(BROKEN)("%s: %s", (law, _words, broken, well) => {
  expect(check(linesOf(broken)).map((breach) => breach.law)).toContain(law);
  expect(check(linesOf(broken), [law]).map((breach) => breach.law)).not.toContain(law);
  expect(check(linesOf(well)).map((breach) => breach.law)).not.toContain(law);
});

test("every law is broken by some history here", () => {
  expect([...new Set(BROKEN.map(([law]) => law))].toSorted()).toEqual([...LAW_NAMES].toSorted());
});
