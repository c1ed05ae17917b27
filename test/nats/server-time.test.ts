import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ServerTime } from "../../src/nats/server-time.ts";
import { startRig, type Rig } from "./rig.ts";

const DAY_MS = 24 * 3_600_000;

describe("the server's time of day", () => {
  it("is this machine's as long as that may be right", () => {
    let own = 1_000_000;
    const time = new ServerTime(() => own);
    expect(time.now()).toBe(1_000_000);
    time.heard(1_000_004, 1_000_000, 1_000_010);
    own = 1_000_100;
    expect(time.now()).toBe(1_000_100);
  });

  it("is what the server says, off by the last round trip at most, however wrong this machine's was set meanwhile", () => {
    const trip = fc.record({ thereMs: fc.nat(200), backMs: fc.nat(200), setMs: fc.integer({ min: -DAY_MS, max: DAY_MS }) });
    fc.assert(
      fc.property(fc.array(trip, { minLength: 1 }), (trips) => {
        let at = 2_000_000_000;
        let errorMs = 0;
        const time = new ServerTime(() => at + errorMs);
        for (const { thereMs, backMs, setMs } of trips) {
          errorMs = setMs;
          const sentAt = at + errorMs;
          const storedAt = (at += thereMs);
          at += backMs;
          time.heard(storedAt, sentAt, at + errorMs);
          expect(Math.abs(time.now() - at)).toBeLessThanOrEqual(thereMs + backMs + 1);
        }
      }),
    );
  });

  it("is not heard of what was sent before this machine's clock was set back", () => {
    const time = new ServerTime(() => 5_000);
    time.heard(9_000, 10_000, 5_000);
    expect(time.now()).toBe(5_000);
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
      expect(now() - real()).toBeGreaterThan(DAY_MS / 2);
      await leases.beat({ host: "ahead", phase: "active", protocol: 1, release: "1.0.0", types: {}, labels: [], slots: 1 });
      await leases.members();
      expect(Math.abs(now() - real())).toBeLessThan(60_000);
      ahead.mockRestore();
    });
  });
});
