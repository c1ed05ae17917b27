import { expect, test } from "vitest";
import type { ActorRecord } from "../../src/core/record.ts";
import { SHORT_TIMER_MS } from "../../src/core/draft.ts";
import { WAKE } from "../../src/core/draft.ts";
import { api } from "../../src/nats/names.ts";
import { NAMES, FaultStand } from "./stand.ts";
import { eventually } from "../support/eventually.ts";

/** The newest record of `crew/1` that the server told of. */
const crew = (stand: FaultStand): ActorRecord | undefined => stand.stored.findLast(({ key }) => key === "crew/1")?.record;
const addressOf = (stand: FaultStand, child: string): string => crew(stand)?.children?.[child]?.id ?? "";

async function hasFailed(stand: FaultStand, child: string, times: number): Promise<ActorRecord> {
  const id = addressOf(stand, child);
  await stand.client.ref("crew-kid", id).send({ type: "die" });
  return eventually("the failure is answered", () => crew(stand)?.supervision?.restarts.length === times && crew(stand), 10_000);
}

const hasBegun = (stand: FaultStand, child: string, not: string): Promise<boolean> =>
  eventually(
    "the child has begun again",
    async () => {
      const id = addressOf(stand, child);
      return id !== not && stand.stored.some(({ key, record }) => key === `crew-kid/${id}` && record.status === "active");
    },
    20_000,
  );

/** Whether the server holds a schedule of the crew's; one that was withdrawn leaves an empty message for a while. */
async function isArmed(stand: FaultStand): Promise<boolean> {
  const subject = NAMES.timer({ type: "crew", id: "1" }, WAKE);
  const reply = await stand.connection.request(api.messageGet(NAMES.streams.core), JSON.stringify({ last_by_subj: subject }));
  const { message } = reply.json<{ message?: { hdrs?: string } }>();
  return Buffer.from(message?.hdrs ?? "", "base64")
    .toString()
    .includes("Nats-Schedule");
}

test("kill -9 of the host between restarts: the wait goes on, and the window counts what was before", { timeout: 60_000 }, async () => {
  await using stand = await FaultStand.open();
  const first = stand.host();
  await first.joined;
  await stand.attend();
  const ref = await stand.client.start("crew", { id: "1" });
  await eventually("the children are there", () => stand.stored.filter(({ key }) => key.startsWith("crew-kid/")).length === 2);

  const [a, b] = [addressOf(stand, "a"), addressOf(stand, "b")];
  const waiting = await hasFailed(stand, "a", 1);
  expect((waiting.children?.["a"]?.dueAt ?? 0) - (waiting.supervision?.restarts[0]?.at ?? 0)).toBeGreaterThan(SHORT_TIMER_MS);
  expect(await isArmed(stand)).toBe(true);
  await first.kill();
  const second = stand.host();
  await hasBegun(stand, "a", a);
  await hasBegun(stand, "b", b);
  expect(await ref.get()).toMatchObject({ status: "active", supervision: { restarts: [{ child: "a" }], last: { directive: "restart" } } });

  const earlier = addressOf(stand, "b");
  await hasFailed(stand, "b", 2);
  await second.kill();
  stand.host();
  await hasBegun(stand, "b", earlier);
  await stand.client.ref("crew-kid", addressOf(stand, "b")).send({ type: "die" });
  const view = await ref.waitFor((each) => each.kind === "actor" && each.status === "error", { timeout: "15s" });
  expect(view).toMatchObject({ error: { message: "died" }, supervision: { last: { child: "b", why: "exhausted" } } });
  expect(view).toMatchObject({ supervision: { restarts: [{ child: "a" }, { child: "b" }] } });
  await eventually("nobody is left", () => {
    const alive = new Map(stand.stored.map(({ key, record }) => [key, record.status] as const));
    return [...alive].every(([key, status]) => !key.startsWith("crew-kid/") || status !== "active");
  });
  expect(await isArmed(stand)).toBe(false);
});
