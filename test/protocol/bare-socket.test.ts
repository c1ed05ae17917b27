import { Packr, Unpackr } from "msgpackr";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { NatsSocket, type Listening } from "../support/socket.ts";
import { socket, stand } from "./attended.ts";
import { TOKEN } from "./stand.ts";

interface Outcome {
  readonly state: string;
  readonly output?: unknown;
  readonly error?: { readonly code?: string; readonly message: string };
  readonly attempt: number;
  readonly duplicate?: true;
}

describe("a bare socket", () => {
  let outcomes: Listening;
  let count = 0;

  beforeAll(() => void (outcomes = socket.subscribe("outcomes.*")));

  /** A start, acknowledged; the outcome comes on the subject that is given back. */
  const start = async (subject: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
    const replyTo = `outcomes.${count++}`;
    const ack = await socket.request(subject, body, { "Troupe-Reply": replyTo, ...headers });
    expect(ack.json()).toMatchObject({ stream: "TROUPE_IN" });
    return replyTo;
  };
  const outcome = async (replyTo: string, withinMs?: number): Promise<Outcome> =>
    (await outcomes.find((message) => message.subject === replyTo, withinMs)).json<Outcome>();

  it("is refused without the token", async () => {
    const stranger = await NatsSocket.open(stand.port);
    stranger.write(`CONNECT {"auth_token":"not ${TOKEN}"}\r\n`);
    await expect(stranger.flush()).rejects.toThrow(/authorization violation/i);
  });

  it.each(["high", "normal", "low"])("starts a task on the %s lane and hears its outcome", async (lane) => {
    const replyTo = await start(`troupe.in.${lane}.greet.${lane}-1`, { name: "Ada" });
    expect(await outcome(replyTo)).toEqual({ type: "greet", id: `${lane}-1`, state: "done", output: "Hello, Ada", attempt: 1 });
  });

  it("starts a task without asking for anything", async () => {
    socket.publish("troupe.in.normal.greet.silent-1", JSON.stringify({ name: "Ada" }));
    const view = await eventually("the silent task", async () => {
      const found = (await socket.request("troupe.api.get.greet.silent-1")).json<{ state?: string }>();
      return found.state === "done" ? found : undefined;
    });
    expect(view).toMatchObject({ id: "silent-1", output: "Hello, Ada" });
  });

  it("sends msgpack", async () => {
    const packed = new Packr({ useRecords: false }).pack({ name: "Ada" });
    const replyTo = `outcomes.${count++}`;
    socket.publish("troupe.in.normal.greet.packed-1", packed, {
      headers: { "Content-Type": "application/msgpack", "Troupe-Reply": replyTo },
    });
    expect(await outcome(replyTo)).toMatchObject({ state: "done", output: "Hello, Ada" });
  });

  it("hears why a task failed", async () => {
    const replyTo = await start("troupe.in.normal.fussy.1", "");
    expect(await outcome(replyTo)).toMatchObject({
      state: "failed",
      attempt: 1,
      error: { name: "TerminalError", message: "Not in the mood", retryable: false },
    });
  });

  it("cancels a task that runs", async () => {
    const replyTo = await start("troupe.in.normal.wait.1", "");
    await socket.request("troupe.in.event.wait.1", { type: "cancel", reason: "Not needed" });
    expect(await outcome(replyTo)).toMatchObject({ state: "failed", error: { code: "cancelled", message: "Not needed" } });
  });

  it("cancels a task that waits for its delay", async () => {
    const replyTo = await start("troupe.in.normal.greet.delayed-1", { name: "Ada" }, { "Troupe-Delay": "60000" });
    await socket.request("troupe.in.event.greet.delayed-1", { type: "cancel" });
    expect(await outcome(replyTo)).toMatchObject({ state: "failed", error: { code: "cancelled" } });
  });

  it("holds a delayed task back", async () => {
    const askedAt = performance.now();
    const replyTo = await start("troupe.in.normal.greet.delayed-2", { name: "Ada" }, { "Troupe-Delay": "600" });
    expect(await outcome(replyTo)).toMatchObject({ state: "done" });
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(595);
  });

  it("leaves a delay of several seconds to the server", async () => {
    const askedAt = performance.now();
    const replyTo = await start("troupe.in.normal.greet.delayed-3", { name: "Ada" }, { "Troupe-Delay": "3200" });
    const timer = "troupe.timer.greet.delayed-3.*";
    const stored = await eventually("the schedule", async () => {
      const answer = await socket.request("$JS.API.STREAM.INFO.TROUPE_CORE", { subjects_filter: timer });
      return Object.keys(answer.json<{ state: { subjects?: object } }>().state.subjects ?? {})[0];
    });
    expect(stored).toMatch(/^troupe\.timer\.greet\.delayed-3\./);
    expect(await outcome(replyTo)).toMatchObject({ state: "done" });
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(3_150);
  });

  it("refuses a deadline that has passed", async () => {
    const replyTo = await start("troupe.in.normal.greet.late-1", { name: "Ada" }, { "Troupe-Deadline": "2001-01-01T00:00:00Z" });
    expect(await outcome(replyTo)).toMatchObject({ state: "failed", error: { code: "bad_deadline" }, attempt: 0 });
  });

  it("sees a task expire that finds no free slot before its deadline", async () => {
    const busy = Array.from({ length: 50 }, (_, index) => `troupe.in.normal.wait.busy-${index}`);
    for (const subject of busy) await socket.request(subject);
    await eventually("a full host", () => stand.host.statistics.running === busy.length);
    const replyTo = await start("troupe.in.normal.greet.late-2", { name: "Ada" }, { "Troupe-Deadline": String(Date.now() + 400) });
    expect(await outcome(replyTo)).toMatchObject({ state: "expired", error: { code: "expired" } });
    for (const subject of busy) await socket.request(subject.replace(".normal.", ".event."), { type: "cancel" });
    await eventually("an idle host", () => stand.host.statistics.running === 0);
  });

  it("gets the first outcome for a second start of the same id", async () => {
    await outcome(await start("troupe.in.normal.greet.twice", { name: "Ada" }));
    const second = await start("troupe.in.low.greet.twice", { name: "Grace" });
    expect(await outcome(second)).toMatchObject({ state: "done", output: "Hello, Ada", duplicate: true });
  });

  it("waits with the first sender where the task still runs", async () => {
    const [first, second] = [await start("troupe.in.normal.wait.both", ""), await start("troupe.in.normal.wait.both", "")];
    await socket.request("troupe.in.event.wait.both", { type: "cancel" });
    expect(await outcome(first)).toMatchObject({ state: "failed" });
    expect(await outcome(second)).toMatchObject({ state: "failed", duplicate: true });
  });

  it("is told that a message id was stored before", async () => {
    const publish = async () =>
      (await socket.request("troupe.in.normal.greet.once", { name: "Ada" }, { "Nats-Msg-Id": "once-1" })).json<object>();
    expect(await publish()).not.toHaveProperty("duplicate");
    expect(await publish()).toMatchObject({ duplicate: true });
  });

  it.each([
    ["Nats-Rollup", "all"],
    ["Nats-TTL", "1h"],
    ["Nats-Schedule", "@at 2027-01-01T00:00:00Z"],
    ["Nats-Batch-Id", "b"],
  ])("cannot send %s to the way in", async (name, value) => {
    const ack = await socket.request(
      "troupe.in.normal.greet.smuggled",
      { name: "Ada" },
      { [name]: value, "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1" },
    );
    expect(ack.json()).toMatchObject({ error: { err_code: expect.any(Number) as number } });
  });

  it("finds nobody on a lane that does not exist", async () => {
    expect((await socket.request("troupe.in.urgent.greet.1", { name: "Ada" })).status).toBe("503");
  });

  it("watches records and progress, and reads a record as it is stored", async () => {
    const states = socket.subscribe("troupe.live.state.render.watched");
    const progress = socket.subscribe("troupe.event.render.watched.*");
    await outcome(await start("troupe.in.normal.render.watched", { scene: "harbour" }));
    expect(await progress.next()).toMatchObject({ subject: "troupe.event.render.watched.progress", text: '{"percent":50}' });
    const unpackr = new Unpackr({ useRecords: false, moreTypes: true });
    const read = (bytes: Buffer): unknown => unpackr.unpack(bytes.subarray(1));
    const live = await states.find(({ body }) => (read(body) as { status: string }).status === "done");
    expect(live.body[0]).toBe(1);
    const stored = await socket.request("$JS.API.DIRECT.GET.TROUPE_CORE.troupe.state.render.watched");
    expect(stored.body.equals(live.body)).toBe(true);
    expect(stored.headers).toMatchObject({ "Nats-Subject": "troupe.state.render.watched", "Nats-TTL": "3600" });
    expect(read(stored.body)).toMatchObject({
      v: 1,
      status: "done",
      value: "done",
      output: { rendered: { scene: "harbour" } },
      context: { attempt: 1, error: null },
    });
  });

  it("reads the turns of a type with history", async () => {
    await outcome(await start("troupe.in.normal.render.told", { scene: "harbour" }));
    const last = await eventually("the last turn", async () => {
      const stored = await socket.request("$JS.API.DIRECT.GET.TROUPE_HISTORY.troupe.history.render.told");
      if (stored.status !== "") return undefined;
      const turn = new Unpackr({ useRecords: false, moreTypes: true }).unpack(stored.body.subarray(1)) as { record: { value: unknown } };
      return turn.record.value === "done" ? turn : undefined;
    });
    expect(last).toMatchObject({ event: { type: "xstate.done.actor.run" }, effects: [], record: { status: "done" } });
  });
});
