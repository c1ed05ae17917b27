import { describe, expect, it } from "vitest";
import { connect } from "../../src/index.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import type { ActorRecord } from "../../src/core/record.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { client, requested, server, startHost, stopHost, through } from "./attended.ts";
import { counter, greet } from "./counter.ts";

describe("ask", () => {
  it("brings what the machine answers", async () => {
    const ref = await client.start(counter, { id: "a-1" });
    await ref.send({ type: "add" });
    expect(await ref.ask({ type: "count" })).toEqual({ type: "counted", count: 1 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => ref.ask({ type: "count" })));
    expect(answers).toEqual(Array.from({ length: 50 }, () => ({ type: "counted", count: 1 })));
  });

  it("waits with an event for a start that is queued", async () => {
    const ref = client.ref(counter, "a-2");
    const [, answer] = await Promise.all([client.start(counter, { id: "a-2" }), ref.ask({ type: "count" }).catch((error: Error) => error)]);
    // Which of the two was stored first is chance.
    expect([{ type: "counted", count: 0 }, expect.objectContaining({ code: "unknown_id" })]).toContainEqual(answer);
  });

  it("ends in an error, not in silence, where nobody will answer", async () => {
    const refusal = (id: string, type: string) =>
      client
        .ref("counter", id)
        .ask({ type })
        .catch((error: { code: string }) => error.code);
    expect(await refusal("nobody", "count")).toBe("unknown_id");
    const ref = await client.start(counter, { id: "a-3" });
    expect(await refusal("a-3", "what")).toBe("not_accepted");
    expect(await refusal("a-3", "boom")).toBe("parked");
    expect(await refusal("a-3", "what")).toBe("parked");
    await ref.retry();
    await ref.send({ type: "close" });
    expect(await refusal("a-3", "count")).toBe("not_running");
    await expect(ref.ask({ type: "count.later" }, { timeout: "nonsense" as "1s" })).rejects.toMatchObject({ code: "bad_options" });
  });

  it("gives up after its timeout and when its signal aborts; the event is heard all the same", async () => {
    const ref = await client.start(counter, { id: "a-4" });
    await expect(ref.ask({ type: "count.silent" }, { timeout: "300ms" })).rejects.toMatchObject({ code: "no_answer" });
    const controller = new AbortController();
    const asking = ref.ask({ type: "count.silent" }, { signal: controller.signal });
    await ref.waitFor(({ context }) => context.count === 2, { timeout: "5s" });
    controller.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    await expect(ref.ask({ type: "count" }, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("is answered by the next host where the first one died with the question", async () => {
    const ref = await client.start(counter, { id: "a-5" });
    const asking = ref.ask({ type: "count.later" }, { timeout: "20s" });
    await ref.waitFor((view) => view.matches("open.asked"), { timeout: "5s" });
    await stopHost();
    await startHost();
    await ref.send({ type: "add" });
    expect(await asking).toEqual({ type: "counted", count: 1 });
  });
});

describe("an answer that is lost on its way", () => {
  it("is found in the record", async () => {
    await using proxy = await startProxy(server.port);
    await using asker = await connect({ nats: through(proxy) });
    await client.start(counter, { id: "a-6" });
    await client.ref(counter, "a-6").waitFor((view) => view.matches("open"), { timeout: "5s" });
    expect(await asker.ref(counter, "a-6").ask({ type: "count" })).toEqual({ type: "counted", count: 0 });
    await client.ref(counter, "a-6").send({ type: "add" });
    proxy.swallowAnswers();
    const asking = asker.ref(counter, "a-6").ask({ type: "count" }, { timeout: "20s" });
    const subjects = new Set<string>();
    await eventually("its answer has left", async () => {
      const replies = (await recordOf("a-6")).replies ?? [];
      for (const { to } of replies) subjects.add(to);
      return subjects.size > 0;
    });
    proxy.cut();
    expect(await asking).toEqual({ type: "counted", count: 1 });
  });
});

async function recordOf(id: string): Promise<ActorRecord> {
  return decodeRecord((await requested(`$JS.API.DIRECT.GET.TROUPE_CORE.troupe.state.counter.${id}`)).data) as ActorRecord;
}

describe("an event for an actor that is not there yet", () => {
  it("is kept for a start that waits for a host, and heard in order", async () => {
    await stopHost();
    const ref = await client.start(counter, { id: "e-1" });
    for (let i = 0; i < 3; i++) await ref.send({ type: "add" });
    expect(await ref.get(), "an actor has no state before it begins").toBeUndefined();
    await startHost();
    expect(await ref.waitFor(({ context }) => context.count === 3, { timeout: "10s" })).toMatchObject({ state: "open.idle" });
  });

  it("is kept for a start with a delay, also by the host that comes after one that died meanwhile", async () => {
    const ref = await client.start(greet, { id: "e-2", delay: "2500ms" });
    await ref.cancel("never mind");
    await ref.waitFor((view) => view.kind === "task" && view.state === "failed", { timeout: "10s" });
    const actor = await client.start(counter, { id: "e-3" });
    await actor.send({ type: "add" });
    await stopHost();
    await startHost();
    expect(await actor.waitFor(({ context }) => context.count === 1, { timeout: "10s" })).toMatchObject({ status: "active" });
  });

  it("is a dead letter where no start is on its way", async () => {
    await client.ref(counter, "e-4").send({ type: "add" });
    await eventually("its dead letter", async () => {
      const { letters } = (await client.ask("dead.list", { type: "counter", id: "e-4" })) as { letters: { code: string }[] };
      return letters[0]?.code === "unknown_id";
    });
  });
});
