import { expect, it } from "vitest";
import type { Address } from "../../src/core/address.ts";
import { TroupeError } from "../../src/core/errors.ts";
import type { Over } from "../../src/core/over.ts";
import { bytes, take, text } from "./fixture.ts";
import { addresses, PARTITION, settled, store, type GatewayFixture } from "./gateway-fixture.ts";
import { Recorder } from "./recorder.ts";

export function limits(fixture: () => GatewayFixture): void {
  const late = (): Error => new TroupeError("no_answer", "too late");
  /** What ends with the work. */
  const endless = (over: Over): Promise<never> => new Promise((_, reject) => over.tell(() => reject(new Error("over"))));

  it("ends work with its result, its timeout, the caller's signal, or the client, whichever comes first", async () => {
    const f = fixture();
    const ends: boolean[] = [];
    const noted = (over: Over): Promise<never> => {
      over.tell(() => ends.push(over.isOver && over.signal.aborted));
      return endless(over);
    };
    expect(await f.gateway.within({ timeoutMs: 5_000 }, late, async () => 7)).toBe(7);
    await expect(f.gateway.within({}, late, () => Promise.reject(new Error("its own")))).rejects.toThrow("its own");
    await expect(f.gateway.within({ timeoutMs: 50 }, late, noted)).rejects.toThrow("too late");
    const caller = new AbortController();
    const aborted = settled(f.gateway.within({ signal: caller.signal }, late, noted));
    caller.abort(new Error("not any more"));
    expect(await aborted).toMatchObject({ message: "not any more" });
    await expect(f.gateway.within({ signal: caller.signal }, late, noted), "aborted before").rejects.toThrow("not any more");
    const closed = settled(f.gateway.within({}, late, noted));
    await f.gateway.close();
    expect(await closed).toMatchObject({ code: "stopped" });
    await expect(f.gateway.within({}, late, noted), "closed before").rejects.toMatchObject({ code: "stopped" });
    expect(ends).toEqual([true, true, true]);
  });

  it("tells how it stands with the server, and whoever listens of each change", { timeout: 20_000 }, async () => {
    const f = fixture();
    const heard: string[] = [];
    const deaf = f.gateway.listen({
      changed: ({ state }) => heard.push(state),
      reconnected: () => heard.push("again"),
      closed: () => heard.push("end"),
    });
    const states = (): readonly string[] => heard.filter((each, i) => each !== heard[i - 1]);
    expect(f.gateway.connection.state).toBe("connected");
    await f.interrupt();
    await f.until(() => heard.includes("again"));
    expect([states(), f.gateway.connection.state]).toEqual([["reconnecting", "connected", "again"], "connected"]);
    const other = f.gateway.listen({ changed: () => heard.push("forgotten") });
    other();
    await f.gateway.close();
    expect([states().slice(3), f.gateway.connection.state]).toEqual([["closed", "end"], "closed"]);
    deaf();
  });

  it("waits for a connection that is away, for as long as it was told", { timeout: 20_000 }, async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    const fence = await take(f.a, PARTITION);
    await store(f, fence, [x, "X1"]);
    let done: readonly unknown[] | undefined;
    await f.interrupt(async (gateway) => {
      done = await Promise.all([
        settled(gateway.read(x, { timeoutMs: 10_000 }).then(text)),
        settled(gateway.send("event", x, bytes("hello"), {}, { timeoutMs: 10_000 })),
        settled(gateway.send("event", x, bytes("never"), {}, { timeoutMs: 1 })),
      ]);
    });
    await f.until(() => done !== undefined, 15_000);
    expect(done).toMatchObject(["X1", undefined, { code: "no_connection" }]);
    const events = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 9);
    await f.until(() => events.deliveries.length === 1);
    expect(events.bodies).toEqual(["hello"]);
    await events.close();
  });

  it("stores an event once that is sent twice under one id, and says that a message may be stored where its sender gave up", async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    for (const body of ["one", "one"]) await f.gateway.send("event", x, bytes(body), {}, { id: "once" });
    const caller = new AbortController();
    const given = settled(f.gateway.send("event", x, bytes("two"), {}, { signal: caller.signal }));
    caller.abort(new Error("not any more"));
    expect(await given).toMatchObject({ code: "no_answer", cause: { message: "not any more" } });
    await expect(f.gateway.send("event", x, bytes("three"), {}, { signal: caller.signal })).rejects.toMatchObject({
      code: "no_connection",
    });
    await f.gateway.send("event", x, bytes("last"), {});
    const events = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 9);
    await f.until(() => events.bodies.includes("last"));
    expect(events.bodies.filter((body) => body !== "two")).toEqual(["one", "last"]);
    await events.close();
  });
}
