import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { z } from "zod";
import { createHost, defineActor, defineTask, type RunningHost } from "../../src/index.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { troupe, type Ran } from "./command-line.ts";

const greet = defineTask({ name: "greet", input: z.object({ name: z.string() }), run: ({ input }) => `Hello, ${input.name}` });
const broken = defineTask({
  name: "broken",
  retry: { attempts: 1 },
  run: () => {
    throw new Error("no luck");
  },
});
const wait = defineTask({ name: "wait", run: ({ signal }) => pause(60_000, "waited", { signal }) });

const clerk = setup({}).createMachine({ initial: "in", states: { in: {} } });
const shop = defineActor({
  name: "shop",
  machine: setup({
    types: { context: {} as { left: number }, events: {} as { type: "take"; replyTo: AnyActorRef } | { type: "close" } },
    actors: { clerk },
  }).createMachine({
    context: { left: 3 },
    invoke: { id: "clerk", src: "clerk" },
    initial: "open",
    states: {
      open: {
        initial: "full",
        on: { close: "closed" },
        states: {
          full: {
            on: {
              take: {
                actions: [
                  assign({ left: ({ context }) => context.left - 1 }),
                  sendTo(
                    ({ event }) => event.replyTo,
                    ({ context }) => ({ type: "taken", left: context.left }),
                  ),
                ],
              },
            },
          },
        },
      },
      closed: { type: "final" },
    },
  }),
});

let server: EmbeddedServer;
let host: RunningHost;
let ask: (...words: string[]) => Promise<Ran>;

beforeAll(async () => {
  server = await startServer();
  host = await createHost({ nats: server.url, actors: [greet, broken, wait, shop] });
  ask = (...words) => troupe([...words, "-s", server.url]);
});

afterAll(async () => {
  await host.stop();
  await server.stop();
});

describe("submit", () => {
  it("prints the result alone, and ends well", async () => {
    expect(await ask("submit", "greet", '{"name":"Ada"}', "--wait")).toEqual({ code: 0, stdout: "Hello, Ada\n", stderr: "" });
  });

  it("prints what it has submitted where nobody waits, and the same id again is the same task", async () => {
    const first = await ask("submit", "greet", '{"name":"Ada"}', "--id", "c-1", "-o", "json");
    expect(JSON.parse(first.stdout)).toEqual({ type: "greet", id: "c-1", state: "undo" });
    await ask("submit", "greet", '{"name":"Bob"}', "--id", "c-1", "--wait");
    const { stdout } = await ask("get", "greet/c-1", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "done", output: "Hello, Ada" });
  });

  it("repeats a delay that it does not understand", async () => {
    const { code, stderr } = await ask("submit", "greet", '{"name":"Ada"}', "--id", "c-2", "--delay", "-5");
    expect(code).toBe(7);
    expect(stderr).toContain('The delay of greet/c-2 is "-5"');
  });

  it("takes many tasks from standard input, and says that some have failed", async () => {
    const stdin = '{"name":"Ada"}\n{"name":5}\n\n{"name":"Bob"}\n';
    const { code, stdout } = await troupe(
      ["submit", "greet", "--lines", "-", "--wait", "--timeout", "2s", "-o", "jsonl", "-s", server.url],
      { stdin },
    );
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { output?: string });
    expect(
      rows
        .map(({ output }) => output)
        .filter((output) => output !== undefined)
        .sort(),
    ).toEqual(["Hello, Ada", "Hello, Bob"]);
    expect(code).toBe(8);
  });

  it.each([
    ["a task that fails", ["submit", "broken", "--wait"], 1, "no luck"],
    ["an input that is no JSON", ["submit", "greet", "{"], 7, "not JSON"],
    ["an id that cannot be one", ["submit", "greet", "{}", "--id", "a b"], 7, "cannot be an id"],
    ["a deadline that has passed", ["submit", "greet", "{}", "--deadline", "2020-01-01T00:00:00Z"], 7, "passed"],
    ["a delay below zero", ["submit", "greet", "{}", "--delay", "-5s"], 7, "delay"],
    ["a result that does not come in time", ["submit", "wait", "--wait", "--timeout", "200ms"], 5, "no result"],
    ["an unknown flag", ["submit", "greet", "--what"], 2, "unknown option"],
    ["a task that is not there", ["get", "greet/nobody"], 3, "no task"],
    ["a cancel of what is not there", ["cancel", "greet/nobody"], 3, "no task"],
  ])("ends with a code of its own for %s, and its words on stderr", async (_name, words, code, said) => {
    const ran = await ask(...words);
    expect(ran).toMatchObject({ code, stdout: "" });
    expect(ran.stderr).toContain(said);
  });

  it("says in JSON what went wrong where JSON was asked for", async () => {
    const { stderr } = await ask("get", "greet/nobody", "-o", "json");
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "unknown_id", remedy: expect.any(String) as string } });
  });

  it("ends with 6 where no server is", async () => {
    const { code, stderr } = await troupe(["get", "greet/1", "-s", "nats://127.0.0.1:1"]);
    expect(code).toBe(6);
    expect(stderr).toContain("what to do");
  });
});

describe("a task that runs", () => {
  it("is listed, watched, and cancelled as often as one likes with the first reason kept", async () => {
    await ask("submit", "wait", "--id", "w-1");
    await eventually("it runs", async () => (await ask("get", "wait/w-1", "-o", "json")).stdout.includes('"doing"'));
    expect((await ask("ls", "--type", "wait", "--state", "doing")).stdout).toContain("w-1");
    const watching = ask("watch", "wait/w-1");
    expect((await ask("cancel", "wait/w-1", "enough")).code).toBe(0);
    const watched = await watching;
    expect(watched).toMatchObject({ code: 4 });
    expect(watched.stdout).toContain("failed  enough");
    expect((await ask("cancel", "wait/w-1", "again")).code).toBe(0);
    expect(JSON.parse((await ask("get", "wait/w-1", "-o", "json")).stdout)).toMatchObject({
      state: "failed",
      error: { code: "cancelled", message: "enough" },
    });
  });
});

describe("an actor", () => {
  it("is shown in its own words: its states, its status, its family", async () => {
    await ask("submit", "shop", "--id", "s-1");
    await eventually("it is open", async () => (await ask("get", "shop/s-1", "-o", "json")).stdout.includes('"open.full"'));
    expect(JSON.parse((await ask("get", "shop/s-1", "-o", "json")).stdout)).toMatchObject({
      kind: "actor",
      status: "active",
      state: "open.full",
      value: { open: "full" },
      context: { left: 3 },
      children: { clerk: { type: "shop-clerk", id: "s-1~clerk~1" } },
    });
    expect((await ask("get", "shop/s-1")).stdout).toMatch(/state +open\.full\nstatus +active\nchildren +clerk: shop-clerk\/s-1~clerk~1\n/);
    expect((await ask("get", "shop-clerk/s-1~clerk~1")).stdout).toMatch(/parent +shop\/s-1\n/);
    expect((await ask("ls", "--state", "open")).stdout).toMatch(/^shop +s-1 +open\.full +active/m);
    expect((await ask("ls", "--type", "shop", "--status", "done")).stdout).not.toContain("s-1");
  });

  it("is sent events and asked, watched to its end, and what it refuses has a code", async () => {
    await ask("submit", "shop", "--id", "s-2");
    await eventually("it is there", async () => (await ask("get", "shop/s-2", "-o", "json")).stdout.includes('"actor"'));
    expect(await ask("send", "shop/s-2", '{"type":"take"}', "--ask", "-o", "jsonl")).toMatchObject({
      code: 0,
      stdout: '{"type":"taken","left":2}\n',
    });
    expect(await ask("send", "shop/s-2", '{"type":"give"}', "--ask")).toMatchObject({ code: 7, stdout: "" });
    const watching = ask("watch", "shop/s-2");
    expect(await ask("send", "shop/s-2", '{"type":"close"}', "-o", "json")).toMatchObject({ code: 0 });
    const watched = await watching;
    expect(watched.code).toBe(0);
    expect(watched.stdout).toMatch(/ {2}closed\n$/);
    expect((await ask("send", "shop/s-2", '{"type":"take"}', "--ask")).stderr).toContain("has ended");
    expect((await ask("send", "shop/nobody", '{"type":"take"}')).code).toBe(3);
    expect((await ask("send", "shop/s-2", '{"kind":"take"}')).code).toBe(7);
  });
});

describe("dead letters", () => {
  it("are listed with their reason, replayed and discarded", async () => {
    await ask("submit", "nobody", '{"a":1}', "--id", "d-1");
    await eventually("its dead letter", async () => (await ask("dead", "ls", "-o", "json")).stdout.includes("unknown_type"));
    const [letter] = JSON.parse((await ask("dead", "ls", "--type", "nobody", "-o", "json")).stdout) as { name: string }[];
    expect(letter).toMatchObject({ type: "nobody", id: "d-1", code: "unknown_type", body: '{"a":1}' });
    expect((await ask("dead", "replay", "nobody/d-1", letter?.name ?? "")).code).toBe(0);
    const again = async () => JSON.parse((await ask("dead", "ls", "--type", "nobody", "-o", "json")).stdout) as { name: string }[];
    await eventually("it is dead again", async () => (await again()).some(({ name }) => name !== letter?.name));
    const [second] = await again();
    expect((await ask("dead", "discard", "nobody/d-1", second?.name ?? "")).code).toBe(0);
    expect(await again()).toEqual([]);
    expect((await ask("dead", "discard", "nobody/d-1", "x")).code).toBe(3);
  });
});
