import { describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.ts";
import { socket, stand } from "./attended.ts";

/** ADR-32: what `nats micro` asks. */
describe("the micro service", () => {
  const identity = () => ({ name: "troupe", id: stand.host.id, version: VERSION, metadata: {} });

  it("answers PING to everybody, by name and by id", async () => {
    for (const subject of ["$SRV.PING", "$SRV.PING.troupe", `$SRV.PING.troupe.${stand.host.id}`])
      expect((await socket.request(subject)).json()).toEqual({ type: "io.nats.micro.v1.ping_response", ...identity() });
  });

  it("names its endpoints in INFO", async () => {
    const info = (await socket.request("$SRV.INFO.troupe")).json<{ endpoints: { name: string; subject: string; queue_group: string }[] }>();
    expect(info).toMatchObject({ type: "io.nats.micro.v1.info_response", ...identity(), description: expect.any(String) as string });
    expect(info.endpoints).toContainEqual({ name: "submit", subject: "troupe.api.submit.*", queue_group: "troupe-api", metadata: {} });
  });

  it("tells strangers what is wrong, and nothing about the machine that says so", async () => {
    const refused = (await socket.request("troupe.api.submit.greet", '{"id":')).json<{
      error: { code: string; cause?: { name: string } };
    }>();
    expect(refused.error).toMatchObject({ code: expect.any(String) as string, cause: { name: "SyntaxError" } });
    expect(JSON.stringify(refused)).not.toContain(".js:");
    expect(JSON.stringify(refused)).not.toContain("stack");
  });

  it("counts requests and errors in STATS", async () => {
    const read = async () => {
      const stats = (await socket.request("$SRV.STATS.troupe")).json<{
        type: string;
        started: string;
        endpoints: { name: string; num_requests: number; num_errors: number; last_error: string; processing_time: number }[];
      }>();
      expect(stats).toMatchObject({ type: "io.nats.micro.v1.stats_response", ...identity() });
      expect(Date.parse(stats.started)).toBeLessThanOrEqual(Date.now());
      return stats.endpoints.find(({ name }) => name === "get");
    };
    const before = await read();
    await socket.request("troupe.api.get.greet.nobody");
    await socket.request("troupe.api.get.greet.nobody");
    const after = await read();
    expect((after?.num_requests ?? 0) - (before?.num_requests ?? 0)).toBe(2);
    expect((after?.num_errors ?? 0) - (before?.num_errors ?? 0)).toBe(2);
    expect(after?.last_error).toBe("There is no task greet/nobody");
    expect(after?.processing_time).toBeGreaterThan(before?.processing_time ?? 0);
  });
});
