import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { PlanContext } from "../../machines/plan-context.ts";
import type { PlanBook, PlannedChild } from "../../src/core/plan-book.ts";
import type { ActivityRecord, ActorRecord, ChildRecord, ParentRecord, TimerRecord } from "../../src/core/record.ts";
import { VERSION } from "../../src/version.ts";
import { ACTOR_SCENES } from "./actor-scenes.ts";
import { ATTEMPT_SCENES } from "./attempt-scenes.ts";
import { FAMILY_SCENES } from "./family-scenes.ts";
import { heldBy, recordsOf, restore, type Held } from "./held.ts";
import { LIMIT_SCENES } from "./limit-scenes.ts";
import { OFFER_SCENES } from "./offer-scenes.ts";
import { PLAN_SCENES } from "./plan-scenes.ts";
import type { Scene } from "./scene.ts";
import { UNHEARD_SCENES } from "./unheard-scenes.ts";

/**
 * What the server held of actors and plans when their host died, as earlier versions stored it: records, mail and timers, by version and
 * story. Every version to come must take them up and bring them to their end. The file grows with each release and never shrinks; how
 * to add to it says records.test.ts.
 */
const FILE = new URL("scenes.json", import.meta.url);
const SCENES: Readonly<Record<string, Scene>> = { ...ACTOR_SCENES, ...ATTEMPT_SCENES, ...FAMILY_SCENES,
  ...LIMIT_SCENES, ...OFFER_SCENES, ...PLAN_SCENES, ...UNHEARD_SCENES };

type Corpus = Record<string, Record<string, Held>>;
const corpus: Corpus = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Corpus) : {};

if (process.env["TROUPE_GOLDEN"] === "write") {
  const stored = (corpus[VERSION] ??= {});
  for (const [name, scene] of Object.entries(SCENES)) stored[name] ??= await brought(scene);
  writeFileSync(FILE, `${JSON.stringify(corpus, undefined, 2)}\n`);
}

async function brought(scene: Scene): Promise<Held> {
  const stand = scene.stand({ isFirst: true });
  const host = await stand.open();
  await scene.bring(stand, host);
  host.kill("lost");
  stand.check();
  return heldBy(stand);
}

const stored = Object.entries(corpus).flatMap(([version, scenes]) => Object.entries(scenes).map(([name, held]) => ({ version, name, held })));

describe.each(stored)("what version $version stored of $name", ({ name, held }) => {
  const scene = SCENES[name] as Scene;

  it("is read", () => {
    const records = [...recordsOf(held).values()];
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) expect(record).toMatchObject({ v: 1, status: "active" });
  });

  it("is gone on from to its end", async () => {
    const stand = scene.stand({ isFirst: false });
    await restore(stand, held);
    await stand.open({ concurrency: 50 });
    await scene.goOn(stand, expect, recordsOf(held));
    expect(stand.unacknowledged).toEqual([]);
    expect(stand.deadLetters).toEqual([]);
    stand.check();
  });
});

describe("the scenes", () => {
  const held = Object.values(corpus[VERSION] ?? {});
  const records = held.flatMap((each) => [...recordsOf(each).values()]);
  const plans = records.flatMap(({ context }) => (isPlan(context) ? [context] : []));

  it("are all there in this version", () => {
    expect(Object.keys(corpus[VERSION] ?? {}).toSorted()).toEqual(Object.keys(SCENES).toSorted());
  });

  it("hold every field that is stored of an actor", () => {
    expect(fieldsOf(records)).toEqual(Object.keys(RECORD).toSorted());
    expect(fieldsOf(records.flatMap(({ activities }) => Object.values(activities)))).toEqual(Object.keys(ACTIVITY).toSorted());
    expect(fieldsOf(records.flatMap(({ timers }) => Object.values(timers)))).toEqual(Object.keys(TIMER).toSorted());
    expect(fieldsOf(records.flatMap(({ children = {} }) => Object.values(children)))).toEqual(Object.keys(CHILD).toSorted());
    expect(fieldsOf(records.flatMap(({ parent }) => parent ?? []))).toEqual(Object.keys(PARENT).toSorted());
  });

  it("hold every field that is stored of a plan", () => {
    expect(fieldsOf(plans)).toEqual(Object.keys(PLAN).toSorted());
    expect(fieldsOf(plans.map(({ book }) => book))).toEqual(Object.keys(BOOK).toSorted());
    const planned = plans.flatMap(({ book: { waiting, live, resting } }) => [...waiting, ...live, ...Object.values(resting)]);
    expect(fieldsOf(planned)).toEqual(Object.keys(PLANNED).toSorted());
  });
});

function isPlan(context: unknown): context is PlanContext {
  return typeof context === "object" && context !== null && "book" in context;
}

function fieldsOf(values: readonly object[]): readonly string[] {
  return [...new Set(values.flatMap((value) => Object.keys(value)))].toSorted();
}

/** A field that is added to a record is missing here, and the compiler says so: add a scene that holds it. Of ends nothing is gone on from. */
const RECORD: Readonly<Record<Exclude<keyof ActorRecord, "output" | "error" | "deadlineAt">, true>> = {
  v: true,
  kind: true,
  revision: true,
  epoch: true,
  version: true,
  shape: true,
  status: true,
  value: true,
  context: true,
  historyValue: true,
  activities: true,
  timers: true,
  children: true,
  ended: true,
  parent: true,
  names: true,
  supervision: true,
  owed: true,
  replies: true,
  outbox: true,
  marks: true,
  generation: true,
  parked: true,
  permit: true,
  replyTo: true,
  createdAt: true,
  updatedAt: true,
};
const ACTIVITY: Readonly<Record<keyof ActivityRecord, true>> = {
  src: true,
  generation: true,
  input: true,
  reruns: true,
  failures: true,
  earlierReruns: true,
  watched: true,
  dueAt: true, offer: true,
};
const TIMER: Readonly<Record<keyof TimerRecord, true>> = { generation: true, dueAt: true, event: true, to: true, keeper: true };
const CHILD: Readonly<Record<keyof ChildRecord, true>> = {
  type: true,
  id: true,
  generation: true,
  src: true,
  kind: true,
  systemId: true,
  first: true,
  dueAt: true,
  held: true,
};
const PARENT: Readonly<Record<keyof ParentRecord, true>> = {
  type: true,
  id: true,
  child: true,
  generation: true,
  since: true,
  root: true,
  watches: true,
  supervises: true,
  counts: true,
};
const PLAN: Readonly<Record<keyof PlanContext, true>> = {
  input: true,
  attempt: true,
  earlierReruns: true,
  delayMs: true,
  backoffMs: true,
  error: true,
  prepared: true,
  cursor: true,
  isExpanded: true,
  book: true,
  collected: true,
  output: true,
  rollback: true,
  toldAt: true,
  acknowledged: true,
  cleanupError: true,
};
const BOOK: Readonly<Record<keyof PlanBook, true>> = {
  waiting: true,
  live: true,
  resting: true,
  undo: true,
  undoBytes: true,
  page: true,
  pagedKinds: true,
  step: true,
  tally: true,
  inner: true,
};
const PLANNED: Readonly<Record<keyof PlannedChild, true>> = {
  key: true,
  kind: true,
  input: true,
  size: true,
  step: true,
  after: true,
  tries: true,
  round: true,
  excluded: true,
  told: true,
};
