import { describe, expect, test } from "vitest";
import type { PlanContext } from "../../machines/plan-context.ts";
import { isEnded } from "../../src/core/record.ts";
import type { StoredSnapshot } from "../../src/core/versions.ts";
import { definePlan, type PlanOptions } from "../../src/define-plan.ts";
import { lastWarnings, replaced } from "./deploys.ts";
import { Stand } from "./stage.ts";

/** Deploys of other versions of a plan while it has children that work, wait and are done. */
type Version = Partial<PlanOptions<unknown, unknown>>;
const log: string[] = [];

/** Each host in turn has the next of these versions, beside tasks `job`, `chore` and `unjob`. */
function deploys(...versions: readonly Version[]): Stand {
  log.length = 0;
  return new Stand({
    tasks: (process) => {
      const task = (name: string) =>
        process.task<{ key: string; ms?: number; fails?: boolean }, string>({
          name,
          retry: { attempts: 1 },
          run: async ({ input: { key, ms = 0, fails }, signal }) => {
            await process.pause(ms, signal);
            if (fails === true) throw new Error("was asked to fail");
            log.push(`${name} ${key}`);
            return key;
          },
        });
      const all = { job: task("job"), chore: task("chore"), unjob: task("unjob") };
      const version = versions[Number(process.name.slice(5)) - 1] ?? {};
      const plan = (options: Version): ReturnType<typeof definePlan> =>
        definePlan({ name: "plan", concurrency: 2, ...kinds("job", "unjob"), expand: children("job"), ...options });
      const kinds = (...names: (keyof typeof all)[]): Pick<PlanOptions<unknown, unknown>, "children"> => ({
        children: Object.fromEntries(names.map((name) => [name, all[name]])),
      });
      const made = { ...version, ...(version.children === undefined ? {} : kinds(...(Object.keys(version.children) as "job"[]))) };
      const elders = (version.versions ?? []) as readonly unknown[] as readonly Version[];
      return [...Object.values(all), plan({ ...made, ...(elders.length === 0 ? {} : { versions: elders.map(plan) }) })];
    },
  });
}
/** Kinds by their names: each is the task of that name. */
const of = (...names: string[]): Version => ({ children: Object.fromEntries(names.map((name) => [name, name])) });

/** Four children: the first is done at once, two work for a while, the last waits for its turn. */
const children = (kind: string, more: (i: number) => object = () => ({})) =>
  function* () {
    for (let i = 1; i <= 4; i++) yield { kind, key: `c${i}`, input: { key: `c${i}`, ms: i === 1 ? 0 : 5_000 }, ...more(i) };
  };

const context = (stand: Stand, id = "1") => stand.record("plan", id)?.context as PlanContext;
const ended = (stand: Stand, id = "1"): boolean => {
  const record = stand.record("plan", id);
  return record !== undefined && isEnded(record);
};

/** A plan of the first version in the middle of its children; then its host is replaced by one with the second. */
async function redeployed(stand: Stand): Promise<void> {
  const first = await stand.open();
  stand.start("plan", "1");
  await stand.settle();
  await stand.advance(1_000);
  expect(context(stand).book).toMatchObject({ tally: { done: 1 }, live: [{ key: "c2" }, { key: "c3" }], waiting: [{ key: "c4" }] });
  await replaced(stand, first);
}

/** Every child ended once, in whatever version; nothing is left. */
function expectWell(stand: Stand): void {
  expect(log.toSorted()).toEqual(["job c1", "job c2", "job c3", "job c4"]);
  expect([...stand.laws.ends.values()].filter((ends) => ends.length > 1)).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.deadLetters).toEqual([]);
  stand.check();
}

describe("a plan goes on", () => {
  test.each([
    ["with other code under the same version and structure", {}, "1", 0],
    ["under a new version of the same structure", { version: 2 }, "2", 0],
    ["under a new version with another kind of children", { version: 2, ...of("job", "unjob", "chore") }, "2", 0],
    ["under another structure whose version was not raised, with a warning", of("job", "unjob", "chore"), "1", 1],
  ] as const)("%s", async (_how, next, version, warnings) => {
    const stand = deploys({ finish: () => "old" }, { ...next, finish: () => "new" });
    await redeployed(stand);
    await stand.until(() => ended(stand), 60_000);
    await stand.settle();
    expect(stand.record("plan", "1")).toMatchObject({ value: "done", version, output: "new" });
    expect(lastWarnings(stand).filter((words) => words.includes("not quite"))).toHaveLength(warnings);
    expectWell(stand);
  });

  test("under its own version where that is kept beside the new one, which new starts get", async () => {
    const one = { finish: () => "old" };
    const two: Version = { version: 2, ...of("chore"), expand: children("chore"), finish: () => "new" };
    const stand = deploys(one, { ...two, versions: [{ ...one, version: 1 }] as never });
    await redeployed(stand);
    await stand.until(() => ended(stand), 60_000);
    await stand.settle();
    expect(stand.record("plan", "1")).toMatchObject({ value: "done", version: "1", output: "old" });
    expectWell(stand);
    stand.start("plan", "2");
    await stand.until(() => ended(stand, "2"), 60_000);
    expect(stand.record("plan", "2")).toMatchObject({ value: "done", version: "2", output: "new" });
    expect(log.filter((words) => words.startsWith("chore"))).toHaveLength(4);
  });

  test("after a migration that renames a kind: who works is not begun anew, who waits is of the new kind", async () => {
    const renamed = (child: { kind: string }) => ({ ...child, kind: child.kind === "job" ? "chore" : child.kind });
    const migrate = ({ value, context: { book, ...rest } }: StoredSnapshot<PlanContext>): StoredSnapshot<PlanContext> => ({
      value,
      context: { ...rest, book: { ...book, waiting: book.waiting.map(renamed) as never, live: book.live.map(renamed) as never } },
    });
    const stand = deploys({}, { version: 2, ...of("chore"), migrate: { 1: migrate } });
    await redeployed(stand);
    await stand.until(() => ended(stand), 60_000);
    await stand.settle();
    expect(stand.record("plan", "1")).toMatchObject({ value: "done", version: "2" });
    expect(log.toSorted()).toEqual(["chore c4", "job c1", "job c2", "job c3"]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});

describe("a plan is parked where its version is gone and the new one", () => {
  const graph = { order: "graph", expand: children("job", (i) => (i === 4 ? { after: ["c3"] } : {})) } as const;
  const steps = { order: "steps", expand: children("job", (i) => ({ step: i === 4 ? 1 : 0 })) } as const;
  const undone: Version = { compensate: { job: ({ key }) => ({ kind: "unjob", input: { key } }) } };

  test.each([
    ["has no such kind", {}, of("chore", "unjob"), ["children.job"]],
    ["has nothing to undo it by", undone, of("job"), ["children.unjob"]],
    ["keeps no graph", graph, { order: "any" }, ["order"]],
    ["keeps no steps", steps, { order: "any" }, ["order"]],
  ] as const)("%s; with one that fits it goes on, and hears what came meanwhile", async (_what, one, two, paths) => {
    const stand = deploys(one, { version: 2, ...two }, { ...one, version: 3 });
    await redeployed(stand);
    await stand.advance(20_000);
    const { parked } = stand.record("plan", "1") ?? {};
    expect(parked).toMatchObject({ reason: "unknown_state" });
    expect(parked?.error.faults?.map(({ path }) => path)).toEqual(paths);
    expect(context(stand).book).toMatchObject({ tally: { done: 1 }, waiting: [{ key: "c4" }] });
    await replaced(stand, stand.processes[1] as never);
    await stand.until(() => ended(stand), 60_000);
    await stand.settle();
    expect(stand.record("plan", "1")).toMatchObject({ value: "done", version: "3" });
    expectWell(stand);
  });

  test("has nothing to undo it by, also in the middle of its rollback", async () => {
    const failing: Version = {
      ...undone,
      concurrency: 1,
      *expand() {
        for (let i = 1; i <= 4; i++) yield { kind: "job", key: `c${i}`, input: { key: `c${i}`, fails: i === 4 } };
      },
      compensate: { job: ({ key }) => ({ kind: "unjob", input: { key, ms: 1_000 } }) },
    };
    const stand = deploys(failing, { version: 2, ...of("job") }, { ...failing, version: 3 });
    const first = await stand.open();
    stand.start("plan", "1");
    await stand.until(() => stand.state("plan", "1") === "doing.rollingBack.undoing");
    await replaced(stand, first);
    await stand.advance(20_000);
    expect(stand.record("plan", "1")?.parked?.error.faults?.map(({ path }) => path)).toEqual(["children.unjob"]);
    await replaced(stand, stand.processes[1] as never);
    await stand.until(() => ended(stand), 60_000);
    await stand.settle();
    expect(context(stand)).toMatchObject({ error: { code: "child_failed" }, rollback: { state: "done", compensated: 3 } });
    expect(log.filter((words) => words.startsWith("unjob"))).toEqual(["unjob c3", "unjob c2", "unjob c1"]);
    stand.check();
  });
});
