import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { socket, verb } from "./attended.ts";

interface View {
  readonly id: string;
  readonly status?: string;
  readonly revision: number;
}

describe("actors by their protocol", () => {
  const open = async (id: string): Promise<void> => {
    await verb("submit.stock", { id });
    await eventually(`stock/${id}`, async () => (await verb(`get.stock.${id}`)).json<View>().revision > 0);
  };
  /** An ask over a bare socket: an event with a subject for the answer. */
  const ask = async (key: string, event: object): Promise<unknown> => {
    const subject = `asks.${key}.${count++}`;
    const answers = socket.subscribe(subject);
    await socket.request(`troupe.in.event.${key}`, event, { "Troupe-Reply": subject });
    return (await answers.next()).json();
  };
  let count = 0;

  it("show as what they are", async () => {
    await open("1");
    expect((await verb("get.stock.1")).json()).toEqual({
      type: "stock",
      id: "1",
      kind: "actor",
      status: "active",
      state: "open",
      value: "open",
      context: { left: 3 },
      version: "1",
      revision: 1,
      createdAt: expect.any(Number) as number,
      updatedAt: expect.any(Number) as number,
    });
  });

  it("answer an event that carries a subject, or say why not", async () => {
    await open("2");
    expect(await ask("stock.2", { type: "take" })).toEqual({ type: "taken", left: 2 });
    expect(await ask("stock.2", { type: "give" })).toMatchObject({ error: { code: "not_accepted" } });
    expect(await ask("stock.none", { type: "take" })).toMatchObject({ error: { code: "unknown_id" } });
    expect(await ask("shop.1", { type: "take" })).toMatchObject({ error: { code: "unknown_type" } });
    expect(await ask("stock.2", { kind: "take" })).toMatchObject({ error: { code: "bad_payload" } });
  });

  it("are asked by a verb, and told by one", async () => {
    await open("3");
    expect((await verb("ask.stock.3", { event: { type: "take" } })).json()).toEqual({ type: "taken", left: 2 });
    const refused = await verb("ask.stock.3", { event: { type: "give" } });
    expect(refused.headers).toMatchObject({ "Nats-Service-Error-Code": "409" });
    expect(refused.json()).toMatchObject({ error: { code: "not_accepted" } });
    expect((await verb("send.stock.3", { event: { type: "close" } })).json()).toMatchObject({ status: "active", context: { left: 2 } });
    expect((await verb("result.stock.3")).json()).toMatchObject({ kind: "actor", status: "done", state: "closed", output: 2 });
    expect((await verb("ask.stock.3", { event: { type: "take" } })).json()).toMatchObject({ error: { code: "not_running" } });
  });

  it("say what they accept", async () => {
    await open("4");
    expect((await verb("accepts.stock.4")).json()).toEqual({ accepts: ["take", "close"] });
    for (let left = 2; left >= 0; left--) expect(await ask("stock.4", { type: "take" })).toEqual({ type: "taken", left });
    expect((await verb("accepts.stock.4", { event: { type: "take" } })).json()).toEqual({ accepts: ["take", "close"], can: false });
  });

  it("are listed by state and by status", async () => {
    await open("5");
    await verb("send.stock.5", { event: { type: "close" } });
    await verb("result.stock.5");
    const ids = async (filter: object) =>
      (await verb("list", { type: "stock", ...filter })).json<{ tasks: View[] }>().tasks.map(({ id }) => id);
    expect(await ids({ state: "closed" })).toContain("5");
    expect(await ids({ state: "open" })).not.toContain("5");
    expect(await ids({ status: "done" })).toContain("5");
    expect(await ids({ status: "active" })).toContain("1");
    expect(await ids({ status: "active" })).not.toContain("5");
  });
});
