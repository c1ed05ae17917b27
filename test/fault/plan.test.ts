import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";
import type { PlanContext } from "../../machines/plan-context.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import { asRecord, formatState, isEnded, type ActorRecord } from "../../src/core/record.ts";
import type { TaskDefinition } from "../../src/define.ts";
import type { View } from "../../src/view.ts";
import { eventually } from "../support/eventually.ts";
import { answered, at, isAck, isCommit, type Point } from "./points.ts";
import { FaultStand, forks, NAMES } from "./stand.ts";
import { startTap, type Frame } from "./tap.ts";
import { within } from "./within.ts";

/** Hosts that are killed while a plan of a thousand children runs, and while it rolls back. */

const CHILDREN = 1_000;
const CONCURRENCY = 20;
const mail = `${NAMES.state({ type: "", id: "" }).split(".state.")[0]}.mail.`;
const timers = mail.replace(".mail.", ".timer.");

const isMail = ({ subject }: Frame, from: "host" | "server"): boolean => from === "host" && subject.startsWith(mail);
const isMailArriving = ({ subject, reply }: Frame, from: "host" | "server"): boolean =>
  from === "server" && subject.startsWith(mail) && reply.startsWith("$JS.ACK.");

const POINTS: readonly (readonly [name: string, point: Point])[] = [
  at("before mail arrives", isMailArriving, "cut"),
  at("right after mail has arrived", isMailArriving, "pass and cut"),
  at("in the middle of a batch", isMail, "pass and cut"),
  at("before a commit is sent", isCommit, "cut"),
  at("right after a commit is sent", isCommit, "pass and cut"),
  answered("after a commit is stored, before its answer", isCommit),
  at("before an acknowledgement is sent", isAck, "cut"),
  at("right after an acknowledgement", isAck, "pass and cut"),
].map((point) => [point.name, point] as const);

/** What the plan's record in a frame says; undefined where it is another's. */
function planIn(frame: Frame, from: "host" | "server"): ActorRecord | undefined {
  if (from !== "host" || frame.subject !== NAMES.state({ type: "trip", id: "1" }) || frame.verb !== "HPUB") return undefined;
  const line = frame.bytes.indexOf("\r\n");
  const headBytes = Number(frame.bytes.toString("latin1", 0, line).split(" ").at(-2));
  return asRecord(decodeRecord(frame.bytes.subarray(line + 2 + headBytes, -2)));
}
const isFirstOfPage = (frame: Frame, from: "host" | "server"): boolean =>
  ((planIn(frame, from)?.context as PlanContext | undefined)?.cursor.count ?? 0) >= 512;
const isPageTurned = (frame: Frame, from: "host" | "server"): boolean => {
  const record = planIn(frame, from);
  return record !== undefined && formatState(record.value) === "doing.rollingBack.fetching";
};
const PAGE_POINTS = [isFirstOfPage, isPageTurned].flatMap((isPage) =>
  [
    at("before the commit of a page is sent", isPage, "cut"),
    answered("after the commit of a page is stored, before its answer", isPage),
  ].map((point) => [point.name, isPage === isPageTurned, point] as const),
);

const LONGEST = { timeout: 90_000 };

test.each(POINTS)("kill -9 of the host %s while a plan runs: every child is done once, nothing is left", LONGEST, async (_name, point) => {
  await using stand = await FaultStand.open();
  const children = await played(stand, { children: CHILDREN }, point, ({ book }) => book.tally.done >= CHILDREN / 3);
  expect(await stand.client.ref<TaskDefinition>("trip", "1").result({ timeout: "1s" })).toBe(CHILDREN);
  expect(told(children)).toEqual({ "job done": CHILDREN, "trip-page done": Math.floor(CHILDREN / 256) });
  expect(await brokenIn(stand)).toEqual([]);
});

test.each(POINTS)(
  "kill -9 of the host %s while a plan rolls back: what was done is undone once, nothing is left",
  LONGEST,
  async (_name, point) => {
    await using stand = await FaultStand.open();
    const children = await played(
      stand,
      { children: CHILDREN, fails: true },
      point,
      ({ rollback }) => (rollback?.compensated ?? 0) >= CHILDREN / 3,
    );
    const plan = await stand.client.ref<TaskDefinition>("trip", "1").get();
    expect(plan?.rollback).toEqual({ state: "done", compensated: CHILDREN - 1, failed: 0, errors: [] });
    expect(plan?.error).toMatchObject({ code: "child_failed", cause: { message: "was asked to fail" } });
    expect(told(children)).toEqual({
      "job done": CHILDREN - 1,
      "job failed": 1,
      "unjob done": CHILDREN - 1,
      "trip-page done": Math.floor((CHILDREN - 1) / 256),
    });
    expect(await brokenIn(stand)).toEqual([]);
  },
);

test.each(PAGE_POINTS)(
  "kill -9 of the host %s (while it rolls back: %s): nothing is lost or done twice",
  LONGEST,
  async (_name, fails, point) => {
    await using stand = await FaultStand.open();
    const children = await played(stand, { children: CHILDREN, fails }, point, ({ cursor }) => cursor.count > 0, 1);
    const pages = Math.floor((fails ? CHILDREN - 1 : CHILDREN) / 256);
    const expected = fails ? { "job done": CHILDREN - 1, "job failed": 1, "unjob done": CHILDREN - 1 } : { "job done": CHILDREN };
    expect(told(children)).toEqual({ ...expected, "trip-page done": pages });
    expect(await brokenIn(stand)).toEqual([]);
  },
);

/** The plan, begun on a host that dies at the point once it is time, and ended by the one after it: everything that it begot. */
async function played(stand: FaultStand, input: object, point: Point, isTime: (plan: PlanContext) => boolean, nth = 2): Promise<View[]> {
  let isOn = false;
  const decide = point.watch(nth, () => victim.signal("SIGKILL"));
  await using tap = await startTap(stand.server.port, (frame, from) => (isOn ? decide(frame, from) : "pass"));
  // No page stays in memory: it has to be asked for.
  const victim = stand.host({ via: tap.port, concurrency: CONCURRENCY, cacheBytes: 0 });
  await victim.joined;
  await stand.attend();
  await stand.client.start("trip", { id: "1", input });
  const latest = () => stand.stored.findLast(({ key }) => key === "trip/1")?.record;
  await eventually("it is time", () => (isOn = latest() !== undefined && isTime(latest()?.context as PlanContext)), 60_000);
  expect(await within("the host reaches the point", victim.ended, 30_000)).toBe("SIGKILL");
  expect(formatState(latest()?.value ?? "")).toMatch(/^doing/);
  const over = stand.stored.flatMap(({ key, record }) => (isEnded(record) ? [key] : []));
  const runsBefore = stand.runs.length;
  stand.host({ concurrency: CONCURRENCY });
  await stand.client.ref<TaskDefinition>("trip", "1").waitFor(({ state }) => state === "done" || state === "failed", { timeout: "60s" });
  await eventually("absorbed mail is purged", async () => (await subjectsBelow(stand, mail)) === 0, 40_000);
  const again = new Set(stand.runs.slice(runsBefore).map(({ key }) => key));
  expect(over.filter((key) => again.has(key))).toEqual([]);
  const begot: View[] = [];
  for await (const view of stand.client.list({ signal: AbortSignal.timeout(20_000) })) if (view.type !== "trip") begot.push(view);
  return begot;
}

function told(children: readonly View[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const view of children) {
    const words = `${view.type} ${view.kind === "task" ? view.state : view.status}`;
    counts[words] = (counts[words] ?? 0) + 1;
  }
  return counts;
}

/** Records that do not follow from each other, and timers that are left. */
async function brokenIn(stand: FaultStand): Promise<readonly string[]> {
  const left = await subjectsBelow(stand, timers);
  return [...forks(stand.stored), ...(left > 0 ? [`${left} timers are left`] : [])];
}

async function subjectsBelow({ connection }: FaultStand, prefix: string): Promise<number> {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(NAMES.streams.core, { subjects_filter: `${prefix}>` });
  return Object.keys(state.subjects ?? {}).length;
}
