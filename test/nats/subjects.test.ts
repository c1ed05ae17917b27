import { headers as natsHeaders } from "@nats-io/nats-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { emit, raise, sendTo, setup, type AnyActorRef } from "xstate";
import { openConnection } from "../../src/nats/connection.ts";
import { connect, createHost, defineActor, type Client, type RunningHost } from "../../src/index.ts";
import type { Log } from "../../src/ports/log.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";

/** Words from machines and from strangers that no subject can hold: the server ends a connection whose subject is longer than 4,096 bytes. */
const machine = setup({
  types: {
    events: {} as { type: "say"; word: string } | { type: "wait"; id: string } | { type: "told" } | { type: "reply"; replyTo: AnyActorRef },
  },
}).createMachine({
  initial: "open",
  states: {
    open: {
      on: {
        say: { actions: emit(({ event }) => ({ type: event.word, said: true })) },
        wait: { actions: raise({ type: "told" }, { delay: 3_500, id: "x".repeat(6_000) }) },
        told: "closed",
        reply: { actions: sendTo(({ event }) => event.replyTo, { type: "answer" }) },
      },
    },
    closed: { type: "final" },
  },
});
const crier = defineActor({ name: "crier", machine });

const warnings: string[] = [];
const note = (_fields: object, message: string): void => void warnings.push(message);
const log: Log = { level: "warn", child: () => log, debug: () => {}, info: () => {}, warn: note, error: note };

let server: EmbeddedServer;
let host: RunningHost;
let client: Client;

beforeAll(async () => {
  server = await startServer();
  host = await createHost({ nats: server.url, actors: [crier], log });
  client = await connect({ nats: server.url });
});
afterAll(async () => {
  await client.close();
  await host.stop();
  await server.stop();
});

it("an emitted event is heard whatever its type is, under a subject that is cut where it is too long", async () => {
  const listener = await openConnection({ servers: server.url, context: false }, {});
  const heard: { subject: string; type: string }[] = [];
  listener.subscribe("troupe.event.crier.>", {
    callback: (_error, message) => void heard.push({ subject: message.subject, type: message.json<{ type: string }>().type }),
  });
  await listener.flush();
  const ref = await client.start(crier, { id: "1" });
  const long = ["a".repeat(5_000), `${"a".repeat(5_000)}b`, "日".repeat(5_000), ".".repeat(2_000), "*".repeat(2_000), "😀".repeat(3_000)];
  const words = ["plain", "order.paid", "*", ">", " ", "%", "~", "ñ\r\n", "\ud800", ...long];
  for (const word of words) await ref.send({ type: "say", word });
  await eventually("all of them", () => (heard.length >= words.length ? true : undefined));
  await listener.close();
  expect(heard.map(({ type }) => type)).toEqual(words);
  expect(new Set(heard.map(({ subject }) => subject)).size).toBe(words.length);
  expect(heard.slice(0, 2).map(({ subject }) => subject)).toEqual(["troupe.event.crier.1.plain", "troupe.event.crier.1.order~paid"]);
  expect(Math.max(...heard.map(({ subject }) => Buffer.byteLength(subject)))).toBeLessThan(1_400);
  expect((await ref.snapshot()).status).toBe("active");
});

it.each([
  ["too long", "r".repeat(3_900)],
  ["two words", "reply here"],
  ["with an empty token", "reply..here"],
  ["with wildcards", "reply.*.>"],
])("a subject for the answer that is none harms nobody but whoever waits there: %s", async (_what, reply) => {
  const ref = await client.start(crier, { id: `3-${reply.length}` });
  const stranger = await openConnection({ servers: server.url, context: false }, {});
  const headers = natsHeaders();
  headers.set("Troupe-Reply", reply);
  await stranger.request(`troupe.in.event.${ref.key.replace("/", ".")}`, JSON.stringify({ type: "unheard" }), { headers, timeout: 5_000 });
  await stranger.close();
  expect(await ref.ask({ type: "say", word: "still here" }, { timeout: "1s" }).catch(({ code }: { code: string }) => code)).toBe(
    "no_answer",
  );
  expect(warnings).toEqual([]);
});

it.each([
  ["too long", `crier/${"i".repeat(3_900)}`],
  ["with lines of its own", "crier/1\r\nPUB troupe.event.forged 2\r\nhi"],
  ["with dots", "crier/a.b"],
  ["with wildcards", "crier/*"],
  ["of no type", "/1"],
  ["of no id", "crier/"],
  ["without a slash", "crier"],
  ["a text without anything", ""],
])("a forged reference to an actor that can be none is sent nothing: %s", async (_what, text) => {
  const listener = await openConnection({ servers: server.url, context: false }, {});
  const forged: string[] = [];
  listener.subscribe("troupe.event.forged", { callback: (_error, message) => void forged.push(message.subject) });
  const ref = await client.start(crier, { id: `f-${nonce++}` });
  await ref.send({ type: "reply", replyTo: { troupe$ref: text } as never });
  await ref.send({ type: "told" });
  expect((await ref.waitFor((view) => view.matches("closed"), { timeout: "20s" })).status).toBe("done");
  await listener.flush();
  await listener.close();
  expect(forged).toEqual([]);
  expect(warnings).toEqual([]);
});
let nonce = 0;

it("an id or a type that is too long becomes a dead letter under a subject that is cut", async () => {
  const stranger = await openConnection({ servers: server.url, context: false }, {});
  const long = [
    `event.crier.${"i".repeat(193)}`,
    `event.crier.${"i".repeat(4_060)}`,
    `normal.crier.${"i".repeat(4_055)}`,
    `normal.${"t".repeat(4_050)}.1`,
  ];
  for (const to of long) stranger.publish(`troupe.in.${to}`, '{"type":"told"}');
  await stranger.flush();
  await eventually("dead letters", () => (warnings.length >= long.length ? true : undefined));
  await stranger.close();
  expect(warnings.map((words) => words.split(":")[0])).toEqual(long.map(() => "dead letter"));
  warnings.length = 0;
  const { letters } = (await client.ask("dead.list", {})) as { letters: { code: string; id: string; name: string; type: string }[] };
  expect(letters.map(({ code }) => code)).toEqual(long.map(() => "bad_address"));
  for (const { type, id, name } of letters) expect(await client.ask(`discard.${type}.${id}.${name}`)).toEqual({ discarded: true });
});

it("a timer whose id is that long fires", async () => {
  const ref = await client.start(crier, { id: "2" });
  await ref.send({ type: "wait", id: "" });
  expect((await ref.waitFor((view) => view.matches("closed"), { timeout: "20s" })).status).toBe("done");
  expect(warnings).toEqual([]);
});
