import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { socket } from "./attended.ts";

interface Letter {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly lane: string;
  readonly code: string;
  readonly message: string;
  readonly at: number;
  readonly body: string;
}

describe("dead letters", () => {
  const letters = async (filter: object): Promise<readonly Letter[]> =>
    (await socket.request("troupe.api.dead.list", filter)).json<{ letters: Letter[] }>().letters;
  const letterOf = async (type: string, id: string): Promise<Letter> =>
    eventually(`a dead letter of ${type}/${id}`, async () => (await letters({ type, id }))[0]);

  it("keeps a start that is not JSON, with its reason", async () => {
    const outcomes = socket.subscribe("dead.outcome");
    await socket.request("troupe.in.normal.greet.broken", '{"name":', { "Troupe-Reply": "dead.outcome" });
    expect((await outcomes.next()).json()).toMatchObject({ state: "failed", attempt: 0, error: { code: "bad_payload" } });
    const letter = await letterOf("greet", "broken");
    expect(letter).toMatchObject({ lane: "normal", code: "bad_payload", body: '{"name":' });
    expect(Math.abs(letter.at - Date.now())).toBeLessThan(60_000);
    const stored = await socket.request(`$JS.API.DIRECT.GET.TROUPE_CORE.troupe.dead.greet.broken.${letter.name}`);
    expect(stored.text).toBe('{"name":');
    expect(stored.headers).toMatchObject({ "Troupe-Origin": "normal", "Nats-TTL": String(7 * 24 * 3600) });
    expect(JSON.parse(stored.headers["Troupe-Reason"] ?? "")).toMatchObject({ code: "bad_payload", message: letter.message });
  });

  it.each([
    ["normal", "greet", "unfit", '{"name":5}', {}, "invalid_input"],
    ["normal", "opera", "1", "{}", {}, "unknown_type"],
    ["normal", "greet", "odd", "{}", { "Content-Type": "text/xml" }, "bad_payload"],
    ["normal", "greet", "eager", '{"name":"Ada"}', { "Troupe-Delay": "soon" }, "bad_delay"],
    ["event", "greet", "nobody", '{"type":"cancel"}', {}, "unknown_id"],
  ])("keeps what came on %s for %s/%s", async (lane, type, id, body, headers, code) => {
    await socket.request(`troupe.in.${lane}.${type}.${id}`, body, headers);
    expect(await letterOf(type, id)).toMatchObject({ type, id, lane, code, body });
  });

  it.each([
    ["an event type of ours", '{"type":"xstate.done.actor.run"}', "reserved_event"],
    ["no event type", '{"kind":"cancel"}', "bad_payload"],
  ])("keeps an event with %s", async (_what, body, code) => {
    const id = code;
    await socket.request(`troupe.in.normal.wait.${id}`);
    await socket.request(`troupe.in.event.wait.${id}`, body);
    expect(await letterOf("wait", id)).toMatchObject({ lane: "event", code, body });
    await socket.request(`troupe.api.cancel.wait.${id}`);
  });

  it("is sent again by replay, the way it came", async () => {
    await socket.request("troupe.in.event.greet.early", { type: "retry" });
    const letter = await letterOf("greet", "early");
    const answer = await socket.request(`troupe.api.replay.greet.early.${letter.name}`);
    expect(answer.json()).toEqual({ replayed: true, discarded: true });
    const again = await eventually("another letter", async () =>
      (await letters({ type: "greet", id: "early" })).find(({ name }) => name !== letter.name),
    );
    expect(again).toMatchObject({ code: "unknown_id", lane: "event", body: letter.body });
  });

  it("reaches its actor by replay once there is one", async () => {
    await socket.request("troupe.in.event.wait.later", { type: "cancel", reason: "Told before" });
    const letter = await letterOf("wait", "later");
    await socket.request("troupe.api.submit.wait", { id: "later" });
    await socket.request(`troupe.api.replay.wait.later.${letter.name}`);
    expect((await socket.request("troupe.api.result.wait.later")).json()).toMatchObject({
      error: { code: "cancelled", message: "Told before" },
    });
    expect(await letters({ type: "wait", id: "later" })).toEqual([]);
  });

  it("goes away when it is discarded", async () => {
    await socket.request("troupe.in.normal.greet.gone", "no JSON");
    const { name } = await letterOf("greet", "gone");
    const discard = async () => (await socket.request(`troupe.api.discard.greet.gone.${name}`)).json();
    expect(await discard()).toEqual({ discarded: true });
    expect(await letters({ type: "greet", id: "gone" })).toEqual([]);
    expect(await discard()).toEqual({ discarded: false });
  });
});
