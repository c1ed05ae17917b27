import { expect, test } from "vitest";
import { api } from "../../src/nats/names.ts";
import { eventually } from "../support/eventually.ts";
import { unheard } from "../support/unheard.ts";
import { ACTOR_POINTS, POINTS } from "./points.ts";
import { stand } from "./attended.ts";
import { forks, NAMES, PARTITIONS } from "./stand.ts";
import { startTap } from "./tap.ts";
import { within } from "./within.ts";

const MEMBERS = 12;
const names = Array.from({ length: MEMBERS }, (_, n) => `m${n}`);
let round = 0;

const CASES = [
  ...POINTS.filter(({ delay }) => delay === undefined).map((point) => [point.name, 3, point] as const),
  ...ACTOR_POINTS.flatMap((point) => [1, 9].map((nth) => [point.name, nth, point] as const)),
];

test.each(CASES)("kill -9 of the host of a family %s (number %i): everybody ends once", { timeout: 60_000 }, async (_name, nth, point) => {
  const id = `f${round++}`;
  await stand.client.start("family", { id, input: { members: MEMBERS, waitMs: 30 } });
  await using tap = await startTap(
    stand.server.port,
    point.watch(nth, () => victim.signal("SIGKILL")),
  );
  const victim = stand.host({ via: tap.port });
  // A point that the host does not come to so often is one after which it has nothing more to do.
  const how = await Promise.race([within("the host reaches the point", victim.ended), ended(id)]);
  if (how === "all ended") await victim.kill();
  const successor = stand.host();
  try {
    await ended(id);
    await expectNothingLeft(id);
  } finally {
    await successor.kill();
  }
});

test("members whose timers fire in the server while every host is dead end once", { timeout: 60_000 }, async () => {
  const id = `f${round++}`;
  const first = stand.host();
  await first.joined;
  await stand.client.start("family", { id, input: { members: MEMBERS, waitMs: 4_000 } });
  await eventually("all of them are born", async () => (await contextOf(id))?.born.length === MEMBERS, 20_000);
  await first.kill();
  await eventually("their timers have fired", async () => (await left(`${NAMES.namespace}.timer.family-member.>`)) === 0, 20_000);
  const successor = stand.host();
  try {
    await ended(id);
    await expectNothingLeft(id);
  } finally {
    await successor.kill();
  }
});

interface Family {
  readonly born: readonly string[];
  readonly done: readonly string[];
}

async function contextOf(id: string): Promise<Family | undefined> {
  const view = await stand.client.ref("family", id).get();
  return (view as { readonly context?: Family } | undefined)?.context;
}

async function ended(id: string): Promise<"all ended"> {
  const view = await stand.client
    .ref("family", id)
    .waitFor((each) => each.kind === "actor" && each.status !== "active", { timeout: "40s" });
  expect(view).toMatchObject({ status: "done" });
  return "all ended";
}

async function expectNothingLeft(id: string): Promise<void> {
  const family = await contextOf(id);
  expect(family?.done.toSorted()).toEqual(names.toSorted());
  expect(family?.born.toSorted()).toEqual(names.toSorted());
  const members = new Map<string, string>();
  for await (const view of stand.client.list({ type: "family-member" }))
    if (view.kind === "actor" && view.parent?.id === id) members.set(view.id, `${view.status} ${String(view.output)}`);
  expect([...members.values()].toSorted()).toEqual(names.map((name) => `done ${name}`).toSorted());
  expect(forks(stand.stored)).toEqual([]);
  expect(await left(`${NAMES.namespace}.timer.>`)).toBe(0);
  await eventually("no mail is left to be heard", async () => (await unheard(stand.connection, NAMES, PARTITIONS)) === 0, 15_000);
}

/** How many messages with a body lie on the subjects: a timer that was withdrawn leaves an empty one for a minute. */
async function left(filter: string): Promise<number> {
  const { core } = NAMES.streams;
  let count = 0;
  for (let seq = 1; ;) {
    const reply = await stand.connection.request(api.messageGet(core), JSON.stringify({ seq, next_by_subj: filter }));
    const { message } = JSON.parse(reply.string()) as { readonly message?: { readonly seq: number; readonly data?: string } };
    if (message === undefined) return count;
    if (message.data !== undefined) count++;
    seq = message.seq + 1;
  }
}
