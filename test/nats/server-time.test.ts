import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ServerTime } from "../../src/nats/server-time.ts";
import { startRig, type Rig } from "./rig.ts";

const DAY_MS = 24 * 3_600_000;

describe("the server's time of day", () => {
  it("is this machine's until the server says otherwise, and stays so while that may be right", () => {
    const time = new ServerTime(1_000_000, 500);
    expect(time.at(600)).toBe(1_000_100);
    time.heard(1_000_104, 600, 610);
    expect(time.at(700)).toBe(1_000_200);
  });

  it("is what the server says, off by the last round trip at most", () => {
    const trip = fc.record({ thereMs: fc.nat(200), backMs: fc.nat(200) });
    fc.assert(
      fc.property(fc.array(trip, { minLength: 1 }), fc.integer({ min: -DAY_MS, max: DAY_MS }), (trips, ownErrorMs) => {
        const startsAt = 2_000_000_000;
        const time = new ServerTime(startsAt + ownErrorMs, 0);
        let sentAtMs = 0;
        for (const { thereMs, backMs } of trips) {
          sentAtMs += 1_000;
          time.heard(startsAt + sentAtMs + thereMs, sentAtMs, sentAtMs + thereMs + backMs);
          expect(Math.abs(time.at(sentAtMs) - (startsAt + sentAtMs))).toBeLessThanOrEqual(thereMs + backMs + 1);
        }
      }),
    );
  });

  describe("on a real server", () => {
    let rig: Rig;
    beforeAll(async () => void (rig = await startRig()));
    afterAll(() => rig[Symbol.asyncDispose]());

    it("is heard by whoever gives a sign of life and looks who else does", async () => {
      const system = await rig.system();
      const real = Date.now.bind(Date);
      const ahead = vi.spyOn(Date, "now").mockImplementation(() => real() + DAY_MS);
      const { leases, now } = await system.another();
      ahead.mockRestore();
      expect(now() - Date.now()).toBeGreaterThan(DAY_MS / 2);
      await leases.beat({ host: "ahead", phase: "active", protocol: 1, release: "1.0.0", types: {}, labels: [], slots: 1 });
      await leases.members();
      expect(Math.abs(now() - Date.now())).toBeLessThan(60_000);
    });
  });
});
