import { describe, expect, it } from "vitest";
import { encodeRecord } from "../../src/core/codec.ts";
import type { ActorRecord } from "../../src/core/record.ts";
import type { Gateway } from "../../src/ports/gateway.ts";
import { Ref } from "../../src/ref.ts";
import { eventually } from "../support/eventually.ts";
import { socket, verb as ask } from "./attended.ts";

/** Requests that no honest client sends: each gets the error that says what is wrong with it. */
describe("odd requests", () => {
  it("a batch with an element that is no object", async () => {
    const answer = await ask("batch.greet", { tasks: [null, "all", { id: "h-1", input: { name: "Ada" } }] });
    expect(answer.json()).toMatchObject({
      results: [{ error: { code: "bad_request" } }, { error: { code: "bad_request" } }, { id: "h-1" }],
    });
  });

  it.each([["x"], [-1]])("a list limited to %j", async (limit) => {
    expect((await ask("list", { limit })).json()).toMatchObject({ error: { code: "bad_request" } });
  });

  it.each([[1e15], ["soon"], [-1]])("a wait of %j ms for a result", async (timeoutMs) => {
    await ask("submit.greet", { id: "h-2", input: { name: "Ada" } });
    expect((await ask("result.greet.h-2", { timeoutMs })).json()).toMatchObject({ error: { code: "bad_request" } });
  });

  it("a retry of a task that has ended", async () => {
    await ask("submit.fussy", { id: "h-3" });
    await ask("result.fussy.h-3");
    const answer = await ask("retry.fussy.h-3");
    expect(answer.headers["Nats-Service-Error-Code"]).toBe("409");
    expect(answer.json()).toMatchObject({ error: { code: "not_running" } });
  });

  it("a cancel whose reason is no text", async () => {
    await ask("submit.wait", { id: "h-4" });
    await eventually("its start", async () => (await ask("get.wait.h-4")).text.includes('"doing"'));
    await socket.request("troupe.in.event.wait.h-4", { type: "cancel", reason: { deep: true } });
    const { error } = (await ask("result.wait.h-4", { timeoutMs: 5_000 })).json<{ error: { code: string; message: unknown } }>();
    expect(typeof error.message).toBe("string");
  });

  it.each(["troupe.begin", "troupe.expire", "troupe.delay"])("the event %s, which only hosts may send to a task", async (type) => {
    const id = `h-${type.replace(".", "-")}`;
    await ask("submit.greet", { id, delayMs: 60_000, input: { name: "Ada" } });
    await eventually("its record", async () => (await ask(`get.greet.${id}`)).text.includes('"path":"undo.delayed"'));
    await socket.request(`troupe.in.event.greet.${id}`, { type });
    await socket.request(`troupe.in.event.greet.${id}`, { type: "cancel" });
    expect((await ask(`result.greet.${id}`)).json()).toMatchObject({ state: "failed", error: { code: "cancelled" } });
    const { letters } = (await ask("dead.list", { type: "greet", id })).json<{ letters: { code: string }[] }>();
    expect(letters).toMatchObject([{ code: "reserved_event" }]);
  });
});

describe("a task that is taken up while somebody looks", () => {
  it("is never unknown: between the record and the way in it may have moved", async () => {
    const record: ActorRecord = {
      v: 1,
      revision: 1,
      epoch: 1,
      version: "1",
      shape: "",
      status: "active",
      value: "doing",
      context: { input: 1, attempt: 1, delayMs: 0, backoffMs: 0, error: null },
      activities: {},
      timers: {},
      marks: {},
      generation: 0,
      createdAt: 0,
      updatedAt: 0,
    };
    let reads = 0;
    const gateway = {
      read: async () => (reads++ === 0 ? undefined : encodeRecord(record).slice()),
      awaits: async () => false,
    } as unknown as Gateway;
    expect(await new Ref({ type: "greet", id: "1" }, gateway).get()).toMatchObject({ state: "doing" });
  });
});
