import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { stand, verb as ask } from "./attended.ts";

interface View {
  readonly type: string;
  readonly id: string;
  readonly state: string;
}

describe("the verbs", () => {
  const running = async (id: string): Promise<void> => {
    await ask("submit.wait", { id });
    await eventually(`wait/${id} at work`, async () => (await ask(`get.wait.${id}`)).json<View>().state === "doing");
  };

  it("submit makes up an id, result waits for the end", async () => {
    const submitted = (await ask("submit.greet", { input: { name: "Ada" } })).json<View>();
    expect(submitted).toEqual({ type: "greet", id: expect.stringMatching(/^[A-Za-z0-9]{22}$/) as string, state: "undo" });
    expect((await ask(`result.greet.${submitted.id}`)).json()).toMatchObject({ state: "done", output: "Hello, Ada", attempt: 1 });
  });

  it("submit of an id that exists answers what there is", async () => {
    await ask("submit.greet", { id: "same", input: { name: "Ada" } });
    await ask("result.greet.same");
    expect((await ask("submit.greet", { id: "same", input: { name: "Grace" } })).json()).toMatchObject({
      duplicate: true,
      state: "done",
      output: "Hello, Ada",
    });
  });

  it("submit takes priority, delay and deadline", async () => {
    const deadline = new Date(Date.now() + 60_000).toISOString();
    const submitted = await ask("submit.greet", { id: "later", priority: "high", delayMs: 30_000, deadline, input: { name: "Ada" } });
    expect(submitted.json()).toMatchObject({ id: "later", state: "undo" });
    const view = await eventually("its record", async () => {
      const found = (await ask("get.greet.later")).json<{ revision: number }>();
      return found.revision > 0 ? found : undefined;
    });
    expect(view).toMatchObject({
      state: "undo",
      path: "undo.delayed",
      deadlineAt: Date.parse(deadline),
      dueAt: expect.any(Number) as number,
    });
    await ask("cancel.greet.later");
  });

  it("batch answers for each task", async () => {
    const tasks = [{ id: "b-1", input: { name: "Ada" } }, { id: "b-2", input: { name: 5 } }, { id: "b 3" }];
    const { results } = (await ask("batch.greet", { tasks })).json<{ results: unknown[] }>();
    expect(results).toMatchObject([
      { type: "greet", id: "b-1", state: "undo" },
      { error: { code: "invalid_input" } },
      { error: { code: "bad_address" } },
    ]);
  });

  it("cancel gives its reason to the task", async () => {
    await running("c-1");
    expect((await ask("cancel.wait.c-1", { reason: "Enough" })).json()).toMatchObject({ state: "doing" });
    expect((await ask("result.wait.c-1")).json()).toMatchObject({ state: "failed", error: { code: "cancelled", message: "Enough" } });
    expect((await ask("cancel.wait.c-1", { reason: "Again" })).json(), "any number of times").toMatchObject({
      state: "failed",
      error: { message: "Enough" },
    });
  });

  it("list filters by type and state and says whether there is more", async () => {
    for (const id of ["l-1", "l-2"]) {
      await ask("submit.render", { id });
      await ask(`result.render.${id}`);
    }
    const all = (await ask("list", { type: "render", state: "done" })).json<{ tasks: View[]; more: boolean }>();
    expect(all.tasks.map(({ id }) => id).sort()).toEqual(["l-1", "l-2"]);
    expect(all.more).toBe(false);
    expect((await ask("list", { type: "render", limit: 1 })).json()).toMatchObject({ tasks: [{ type: "render" }], more: true });
    expect((await ask("list", { type: "render", state: "failed" })).json()).toEqual({ tasks: [], more: false });
  });

  it("host tells about the host that answers", async () => {
    expect((await ask("host")).json()).toMatchObject({
      id: stand.host.id,
      types: ["greet", "render", "wait", "fussy", "stock", "transcode"],
      partitions: { length: 4 },
    });
  });

  it.each([
    ["get.greet.nobody", "", "unknown_id", "404"],
    ["result.greet.nobody", "", "unknown_id", "404"],
    ["cancel.greet.nobody", "", "unknown_id", "404"],
    ["submit.nothing", "", "unknown_type", "404"],
    ["submit.greet", { input: {} }, "invalid_input", "400"],
    ["submit.greet", "{", "bad_payload", "400"],
    ["submit.greet", "[]", "bad_request", "400"],
    ["submit.greet", { id: 7, delayMs: "soon" }, "bad_request", "400"],
    ["submit.greet", { priority: "urgent" }, "unknown_lane", "400"],
    ["submit.greet", { id: "a b", input: { name: "Ada" } }, "bad_address", "400"],
    ["submit.greet", { delayMs: -1, input: { name: "Ada" } }, "bad_delay", "400"],
    ["submit.greet", { deadline: "yesterday", input: { name: "Ada" } }, "bad_deadline", "400"],
    ["batch.greet", { tasks: "all" }, "bad_request", "400"],
    ["list", { type: "greet", state: "lost" }, "bad_request", "400"],
    ["list", { status: "lost" }, "bad_request", "400"],
    ["send.stock.nobody", { event: { type: "close" } }, "unknown_id", "404"],
    ["send.greet.nobody", {}, "unknown_id", "404"],
    ["ask.stock.nobody", { event: { type: "take" } }, "unknown_id", "404"],
    ["ask.stock.nobody", {}, "bad_request", "400"],
    ["ask.stock.nobody", { event: { type: "xstate.stop" } }, "reserved_event", "400"],
    ["accepts.stock.nobody", "", "unknown_id", "404"],
    ["accepts.nothing.nobody", "", "unknown_type", "404"],
    ["get.gr$eet.1", "", "bad_address", "400"],
    ["replay.greet.nobody.nothing", "", "unknown_id", "404"],
  ])("%s of %j is refused with %s", async (verb, body, code, status) => {
    const answer = await ask(verb, body);
    expect(answer.headers).toMatchObject({ "Nats-Service-Error": expect.stringMatching(/./) as string, "Nats-Service-Error-Code": status });
    expect(answer.json()).toMatchObject({
      error: { code, message: answer.headers["Nats-Service-Error"], remedy: expect.stringMatching(/./) as string },
    });
  });

  it("lists every fault of a request", async () => {
    const { error } = (await ask("submit.greet", { id: 7, delayMs: "soon", deadline: {} })).json<{
      error: { faults: { path: string }[] };
    }>();
    expect(error.faults.map(({ path }) => path)).toEqual(["id", "delayMs", "deadline"]);
  });

  it("result says so when the task is not done in time, and the task goes on", async () => {
    await running("slow");
    const answer = await ask("result.wait.slow", { timeoutMs: 30 });
    expect(answer.headers["Nats-Service-Error-Code"]).toBe("504");
    expect(answer.json()).toMatchObject({ error: { code: "no_answer" } });
    expect((await ask("get.wait.slow")).json()).toMatchObject({ state: "doing" });
    await ask("cancel.wait.slow");
  });

  it("answers nothing on a verb that does not exist", async () => {
    expect((await ask("dance")).status).toBe("503");
  });
});
