import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { take, type LeasesFixture } from "./fixture.ts";

/** The contract of src/ports/leases.ts. */
export function leasesContract(name: string, open: () => Promise<LeasesFixture>): void {
  describe(`leases: ${name}`, () => {
    let f: LeasesFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("ownership", () => {
      ownership(() => f);
    });
    describe("liveness", () => {
      liveness(() => f);
    });
  });
}

function ownership(fixture: () => LeasesFixture): void {
  it("lists every partition, free and with fence 0 before anybody came", async () => {
    const f = fixture();
    const owners = await f.a.leases.owners();
    expect(owners.map((o) => o.partition).sort((x, y) => x - y)).toEqual(Array.from({ length: f.partitions }, (_, p) => p));
    expect(owners.every((o) => o.fence === 0 && o.host === undefined)).toBe(true);
  });

  it("shows a claim to everybody, with its fence", async () => {
    const f = fixture();
    const fence = await f.a.leases.claim(1, "host-a", 0);
    expect(fence).toBeGreaterThan(0);
    for (const side of [f.a, f.b]) {
      expect((await side.leases.owners()).find((o) => o.partition === 1)).toEqual({ partition: 1, fence, host: "host-a" });
    }
  });

  it("gives a partition to one of two who claim it at the same time", async () => {
    const f = fixture();
    for (let round = 0; round < 5; round++) {
      const seen = (await f.a.leases.owners()).find((o) => o.partition === 2)?.fence ?? 0;
      const [a, b] = await Promise.all([f.a.leases.claim(2, "host-a", seen), f.b.leases.claim(2, "host-b", seen)]);
      expect([a, b].filter((fence) => fence !== undefined)).toHaveLength(1);
      const owner = (await f.b.leases.owners()).find((o) => o.partition === 2);
      expect(owner).toEqual({ partition: 2, fence: a ?? b, host: a === undefined ? "host-b" : "host-a" });
    }
  });

  it("refuses a claim that has not seen the last one", async () => {
    const f = fixture();
    const fence = await take(f.a, 0, "host-a");
    expect(await f.b.leases.claim(0, "host-b", 0)).toBeUndefined();
    expect(await f.b.leases.claim(0, "host-b", fence + 1)).toBeUndefined();
    expect((await f.b.leases.owners()).find((o) => o.partition === 0)).toEqual({ partition: 0, fence, host: "host-a" });
  });

  it("takes over from an owner whose fence was seen, with a higher one", async () => {
    const f = fixture();
    const first = await take(f.a, 0, "host-a");
    const second = await f.b.leases.claim(0, "host-b", first);
    expect(second).toBeGreaterThan(first);
    const third = await f.b.leases.claim(0, "host-b", second as number);
    expect(third, "claimed again by its owner").toBeGreaterThan(second as number);
  });

  it("frees a partition that is released, and its fence still rises", async () => {
    const f = fixture();
    const first = await take(f.a, 3, "host-a");
    await f.a.leases.release(3, "host-a", first);
    const free = (await f.b.leases.owners()).find((o) => o.partition === 3);
    expect(free?.host).toBeUndefined();
    const second = await f.b.leases.claim(3, "host-b", free?.fence ?? 0);
    expect(second).toBeGreaterThan(first);
  });

  it("ignores a release by somebody who has lost the partition", async () => {
    const f = fixture();
    const first = await take(f.a, 0, "host-a");
    const second = await take(f.b, 0, "host-b");
    await f.a.leases.release(0, "host-a", first);
    expect((await f.b.leases.owners()).find((o) => o.partition === 0)).toEqual({ partition: 0, fence: second, host: "host-b" });
  });

  it("keeps partitions apart", async () => {
    const f = fixture();
    const zero = await take(f.a, 0, "host-a");
    const one = await take(f.b, 1, "host-b");
    const owners = await f.a.leases.owners();
    expect(owners.find((o) => o.partition === 0)).toEqual({ partition: 0, fence: zero, host: "host-a" });
    expect(owners.find((o) => o.partition === 1)).toEqual({ partition: 1, fence: one, host: "host-b" });
  });
}

function liveness(fixture: () => LeasesFixture): void {
  it("believes a host alive after a beat, seen from anywhere", async () => {
    const f = fixture();
    await f.a.leases.beat("host-a");
    expect(await f.a.leases.alive("host-a")).toBe(true);
    expect(await f.b.leases.alive("host-a")).toBe(true);
  });

  it("does not believe in a host that never gave a sign", async () => {
    expect(await fixture().a.leases.alive("host-nobody")).toBe(false);
  });

  it("knows at once that a host has left", async () => {
    const f = fixture();
    await f.a.leases.beat("host-a");
    await f.b.leases.beat("host-b");
    await f.a.leases.leave("host-a");
    expect(await f.b.leases.alive("host-a")).toBe(false);
    expect(await f.b.leases.alive("host-b")).toBe(true);
  });

  it("lets a host that left come back", async () => {
    const f = fixture();
    await f.a.leases.beat("host-a");
    await f.a.leases.leave("host-a");
    await f.a.leases.beat("host-a");
    expect(await f.b.leases.alive("host-a")).toBe(true);
  });

  it("believes as long as beats come, and no longer than the time to live without", async () => {
    const f = fixture();
    const { ttlMs } = f.a.leases;
    for (let beat = 0; beat < 4; beat++) {
      await f.a.leases.beat("host-a");
      await f.pass(ttlMs / 2);
      expect(await f.b.leases.alive("host-a"), `after beat ${beat}`).toBe(true);
    }
    await f.until(async () => !(await f.b.leases.alive("host-a")), ttlMs * 3 + 2_000);
  });

  it("leaves ownership alone when a host dies: only a claim moves it", async () => {
    const f = fixture();
    const fence = await take(f.a, 0, "host-a");
    await f.a.leases.beat("host-a");
    await f.a.leases.leave("host-a");
    expect((await f.b.leases.owners()).find((o) => o.partition === 0)).toEqual({ partition: 0, fence, host: "host-a" });
  });
}
