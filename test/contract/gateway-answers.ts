import { expect, it } from "vitest";
import { TroupeError } from "../../src/core/errors.ts";
import { bytes, text } from "./fixture.ts";
import type { GatewayFixture } from "./gateway-fixture.ts";

export function answers(fixture: () => GatewayFixture): void {
  it("hears one answer on a subject of its own, and none that it has forgotten", async () => {
    const f = fixture();
    const heard: string[] = [];
    const hear = (body: Uint8Array): void => void heard.push(text(body) ?? "");
    const [one, other] = [f.gateway.expect(hear), f.gateway.expect(hear)];
    expect(one.subject).not.toBe(other.subject);
    other.forget();
    for (const [to, body] of [
      [other.subject, "forgotten"],
      [one.subject, "first"],
      [one.subject, "second"],
    ] as const)
      await f.reply(to, bytes(body));
    const last = f.gateway.expect(hear);
    await f.reply(last.subject, bytes("last"));
    await f.until(() => heard.includes("last"));
    expect(heard).toEqual(["first", "last"]);
  });

  it("asks whoever answers, and says when nobody does", async () => {
    const f = fixture();
    await expect(f.gateway.ask("host", bytes("{}"), { timeoutMs: 2_000 })).rejects.toMatchObject({ code: "no_host" });
    f.serve(async (verb, body) => {
      if (text(body) === "wrong") throw new TroupeError("unknown_id", "There is no such thing", { about: "job/x" });
      return bytes(`"${verb} ${text(body)}"`);
    });
    await f.until(async () => {
      const answer = await f.gateway.ask("host", bytes("hello"), { timeoutMs: 2_000 }).catch(() => undefined);
      return text(answer) === '"host hello"';
    });
    await expect(f.gateway.ask("host", bytes("wrong"), { timeoutMs: 2_000 })).rejects.toMatchObject({ code: "unknown_id" });
  });

  it("does not wait longer for a verb than it was told", async () => {
    const f = fixture();
    f.serve(() => new Promise(() => {}));
    await f.until(() =>
      f.gateway.ask("host", bytes("{}"), { timeoutMs: 100 }).then(
        () => false,
        (error: unknown) => error instanceof TroupeError && error.code === "no_answer",
      ),
    );
  });
}
