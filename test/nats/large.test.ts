import { afterAll, beforeAll, expect, it } from "vitest";
import { assign, setup } from "xstate";
import { connect, createHost, defineActor, defineTask, type View } from "../../src/index.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { startServer } from "../support/server.ts";
import { startRig } from "./rig.ts";

/** Records that no message of the server can hold, as hosts and clients see them. */
const MIB = 1024 * 1024;

let server: EmbeddedServer;
beforeAll(async () => void (server = await startServer()));
afterAll(() => server.stop());

const letterOf = (n: number): string => String.fromCharCode(97 + (n % 26));
const hoarder = defineActor({
  name: "hoarder",
  machine: setup({ types: { context: {} as { hoard: string; n: number } } }).createMachine({
    context: { hoard: "", n: 0 },
    initial: "open",
    on: {
      hoard: {
        actions: assign({
          hoard: ({ event }) => letterOf(Number(event["n"])).repeat(Number(event["count"])),
          n: ({ event }) => Number(event["n"]),
        }),
      },
    },
    states: { open: { on: { close: "closed" } }, closed: { type: "final" } },
    output: ({ context }) => context.hoard.length,
  }),
});
const big = defineTask({ name: "big", run: () => "x".repeat(3 * MIB) });

const hoardOf = (view: View | undefined) => (view as { context?: { hoard: string; n: number } } | undefined)?.context;
const isWhole = (view: View): boolean => {
  const { hoard, n } = hoardOf(view) ?? { hoard: "", n: 0 };
  return hoard === letterOf(n).repeat(hoard.length);
};

it("a record of several megabytes is read, watched and listed, by hosts that follow each other", { timeout: 30_000 }, async () => {
  const host = () => createHost({ nats: server.url, actors: [hoarder, big], leaseTtl: "1s" });
  await using client = await connect({ nats: server.url });
  const first = await host();
  const ref = await client.start(hoarder, { id: "a" });
  await ref.waitFor(({ revision }) => revision > 0, { timeout: "5s" });
  await ref.send({ type: "hoard", n: 1, count: 3 * MIB });
  const grown = await ref.waitFor((view) => hoardOf(view)?.n === 1, { timeout: "10s" });
  expect(hoardOf(grown)?.hoard.length).toBe(3 * MIB);
  await first.stop();
  await using _second = await host();
  await ref.send({ type: "hoard", n: 2, count: 5 * MIB });
  const again = await ref.waitFor((view) => hoardOf(view)?.n === 2, { timeout: "10s" });
  expect(hoardOf(again)?.hoard.length).toBe(5 * MIB);
  expect(hoardOf(await ref.get())?.hoard.length).toBe(5 * MIB);
  const listed = [];
  for await (const view of client.list({ type: "hoarder" })) listed.push(hoardOf(view)?.hoard.length);
  expect(listed).toEqual([5 * MIB]);
  await ref.send({ type: "close" });
  expect(await ref.result({ timeout: "10s" })).toBe(5 * MIB);
});

it("an output that no answer can hold reaches whoever waits for it, at once", { timeout: 20_000 }, async () => {
  await using _host = await createHost({ nats: server.url, namespace: "outputs", actors: [hoarder, big] });
  await using client = await connect({ nats: server.url, namespace: "outputs" });
  expect((await client.run(big, undefined, { timeout: "10s" })).length).toBe(3 * MIB);
  const ref = await client.start(big, { id: "b" });
  expect((await ref.result({ timeout: "10s" })).length).toBe(3 * MIB);
  await expect(client.ask("get.big.b")).rejects.toMatchObject({ code: "too_large" });
});

it("who reads while the record changes sees one that was stored, whole", { timeout: 30_000 }, async () => {
  await using _host = await createHost({ nats: server.url, namespace: "readers", actors: [hoarder] });
  await using client = await connect({ nats: server.url, namespace: "readers" });
  const ref = await client.start(hoarder, { id: "a" });
  await ref.waitFor(({ revision }) => revision > 0, { timeout: "5s" });
  const LAST = 30;
  const seen: View[] = [];
  const reading = (async () => {
    for (let view = await ref.get(); view !== undefined && (hoardOf(view)?.n ?? 0) < LAST; view = await ref.get()) seen.push(view);
  })();
  const watching = ref.waitFor((view) => (seen.push(view), hoardOf(view)?.n === LAST), { timeout: "20s" });
  for (let n = 1; n <= LAST; n++) await ref.send({ type: "hoard", n, count: (n % 4) * MIB + 1 });
  await Promise.all([reading, watching]);
  expect(seen.map(isWhole)).toEqual(seen.map(() => true));
  expect(new Set(seen.map((view) => view.revision)).size).toBeGreaterThan(2);
});

it("nothing is left of parts that no record has", { timeout: 20_000 }, async () => {
  await using rig = await startRig();
  const system = await rig.system({ namespace: "left", partitions: 2 });
  const nats = { servers: `127.0.0.1:${rig.port}` };
  await using _host = await createHost({ nats, namespace: "left", actors: [hoarder] });
  await using client = await connect({ nats, namespace: "left" });
  const ref = await client.start(hoarder, { id: "a" });
  for (const [i, size] of [4 * MIB, 2 * MIB, 1].entries()) {
    await ref.send({ type: "hoard", n: i + 1, count: size });
    await ref.waitFor((view) => hoardOf(view)?.n === i + 1, { timeout: "10s" });
  }
  const parts = await Promise.all([0, 1, 2, 3, 4, 5].map((index) => system.read(system.names.part({ type: "hoarder", id: "a" }, index))));
  expect(parts.filter((part) => part !== undefined).length).toBeGreaterThan(3);
  // An empty message that goes away by itself stands where a part was.
  expect(parts.map((part) => part?.data.length ?? 0)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(parts.every((part) => part === undefined || part.head.includes("Nats-TTL: 60"))).toBe(true);
});
