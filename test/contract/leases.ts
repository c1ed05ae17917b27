import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Ownership } from "../../src/ports/leases.ts";
import { signOf, take, type LeasesFixture } from "./fixture.ts";

/** The contract of src/ports/leases.ts. */
export function leasesContract(name: string, open: () => Promise<LeasesFixture>): void {
  describe(`leases: ${name}`, () => {
    let f: LeasesFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("ownership", () => ownership(() => f));
    describe("liveness", () => liveness(() => f));
    describe("membership", () => membership(() => f));
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
    const fence = await f.a.leases.claim(1, f.a.host, 0);
    expect(fence).toBeGreaterThan(0);
    for (const side of [f.a, f.b]) {
      expect((await side.leases.owners()).find((o) => o.partition === 1)).toEqual({ partition: 1, fence, host: f.a.host });
    }
  });

  it("gives a partition to one of two who claim it at the same time", async () => {
    const f = fixture();
    for (let round = 0; round < 5; round++) {
      const seen = (await f.a.leases.owners()).find((o) => o.partition === 2)?.fence ?? 0;
      const [a, b] = await Promise.all([f.a.leases.claim(2, f.a.host, seen), f.b.leases.claim(2, f.b.host, seen)]);
      expect([a, b].filter((fence) => fence !== undefined)).toHaveLength(1);
      const owner = (await f.b.leases.owners()).find((o) => o.partition === 2);
      expect(owner).toEqual({ partition: 2, fence: a ?? b, host: a === undefined ? f.b.host : f.a.host });
    }
  });

  it("refuses a claim that has not seen the last one", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    expect(await f.b.leases.claim(0, f.b.host, 0)).toBeUndefined();
    expect(await f.b.leases.claim(0, f.b.host, fence + 1)).toBeUndefined();
    expect((await f.b.leases.owners()).find((o) => o.partition === 0)).toEqual({ partition: 0, fence, host: f.a.host });
  });

  it("takes over from an owner whose fence was seen, with a higher one", async () => {
    const f = fixture();
    const first = await take(f.a, 0);
    const second = await f.b.leases.claim(0, f.b.host, first);
    expect(second).toBeGreaterThan(first);
    const third = await f.b.leases.claim(0, f.b.host, second as number);
    expect(third, "claimed again by its owner").toBeGreaterThan(second as number);
  });

  it("frees a partition that is released, and its fence still rises", async () => {
    const f = fixture();
    const first = await take(f.a, 3);
    await f.a.leases.release(3, f.a.host, first);
    const free = (await f.b.leases.owners()).find((o) => o.partition === 3);
    expect(free?.host).toBeUndefined();
    const second = await f.b.leases.claim(3, f.b.host, free?.fence ?? 0);
    expect(second).toBeGreaterThan(first);
  });

  it("ignores a release by somebody who has lost the partition", async () => {
    const f = fixture();
    const first = await take(f.a, 0);
    const second = await take(f.b, 0);
    await f.a.leases.release(0, f.a.host, first);
    expect((await f.b.leases.owners()).find((o) => o.partition === 0)).toEqual({ partition: 0, fence: second, host: f.b.host });
  });

  it("keeps partitions apart", async () => {
    const f = fixture();
    const zero = await take(f.a, 0);
    const one = await take(f.b, 1);
    const owners = await f.a.leases.owners();
    expect(owners.find((o) => o.partition === 0)).toEqual({ partition: 0, fence: zero, host: f.a.host });
    expect(owners.find((o) => o.partition === 1)).toEqual({ partition: 1, fence: one, host: f.b.host });
  });
}

function liveness(fixture: () => LeasesFixture): void {
  it("believes a host alive after a beat, seen from anywhere", async () => {
    const f = fixture();
    await f.a.leases.beat(signOf(f.a.host));
    expect(await f.a.leases.alive(f.a.host)).toBe(true);
    expect(await f.b.leases.alive(f.a.host)).toBe(true);
  });

  it("does not believe in a host that never gave a sign", async () => {
    expect(await fixture().a.leases.alive("nobody")).toBe(false);
  });

  it("knows at once that a host has left", async () => {
    const f = fixture();
    await f.a.leases.beat(signOf(f.a.host));
    await f.b.leases.beat(signOf(f.b.host));
    await f.a.leases.leave(f.a.host);
    expect(await f.b.leases.alive(f.a.host)).toBe(false);
    expect(await f.b.leases.alive(f.b.host)).toBe(true);
  });

  it("lets a host that left come back", async () => {
    const f = fixture();
    await f.a.leases.beat(signOf(f.a.host));
    await f.a.leases.leave(f.a.host);
    await f.a.leases.beat(signOf(f.a.host));
    expect(await f.b.leases.alive(f.a.host)).toBe(true);
  });

  it("believes as long as beats come, and no longer than the time to live without", async () => {
    const f = fixture();
    const { ttlMs } = f.a.leases;
    for (let beat = 0; beat < 4; beat++) {
      await f.a.leases.beat(signOf(f.a.host));
      await f.pass(ttlMs / 2);
      expect(await f.b.leases.alive(f.a.host), `after beat ${beat}`).toBe(true);
    }
    await f.killA();
    await f.until(async () => !(await f.b.leases.alive(f.a.host)), ttlMs * 3 + 2_000);
  });

  it("leaves ownership alone when a host dies: only a claim moves it", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    await f.a.leases.beat(signOf(f.a.host));
    await f.a.leases.leave(f.a.host);
    expect((await f.b.leases.owners()).find((o) => o.partition === 0)).toEqual({ partition: 0, fence, host: f.a.host });
  });
}

function membership(fixture: () => LeasesFixture): void {
  it("lists who lives, in the order of their coming, with what they say of themselves", async () => {
    const f = fixture();
    expect(await f.a.leases.members()).toEqual([]);
    const first = signOf(f.b.host, { labels: ["gpu"], slots: 7, types: { job: { "1": "f00" } }, release: "1.2.3" });
    await f.b.leases.beat(first);
    await f.a.leases.beat(signOf(f.a.host, { phase: "joining" }));
    await f.b.leases.beat({ ...first, phase: "draining" });
    for (const side of [f.a, f.b]) {
      const members = await side.leases.members();
      expect(members).toMatchObject([
        { ...first, phase: "draining" },
        { host: f.a.host, phase: "joining", labels: [] },
      ]);
      expect(members[0]?.since).toBeLessThan(members[1]?.since ?? 0);
      for (const { at } of members) expect(Math.abs(at - f.now())).toBeLessThan(60_000);
    }
  });

  it("shows of two who give a sign and then look at least one to the other, and agrees who came first", async () => {
    const f = fixture();
    const look = async ({ leases, host }: LeasesFixture["a"]) => {
      await leases.beat(signOf(host));
      return leases.members();
    };
    const [byA, byB] = await Promise.all([look(f.a), look(f.b)]);
    const order = (await f.a.leases.members()).map(({ host }) => host);
    expect(order).toHaveLength(2);
    const late = order[1] === f.a.host ? byA : byB;
    expect(late.map(({ host }) => host)).toEqual(order);
  });

  it("leaves out who has left, and who gave no sign for too long", async () => {
    const f = fixture();
    await f.a.leases.beat(signOf(f.a.host));
    await f.b.leases.beat(signOf(f.b.host));
    await f.a.leases.leave(f.a.host);
    expect((await f.b.leases.members()).map(({ host }) => host)).toEqual([f.b.host]);
    await f.until(async () => (await f.a.leases.members()).length === 0, f.a.leases.ttlMs * 3 + 2_000);
  });

  it("tells a host of a partition that was left to it, with the fence to claim it by", async () => {
    const f = fixture();
    const heard: Ownership[] = [];
    f.b.leases.listen(f.b.host, (free) => void heard.push(free));
    await f.pass(50);
    const fence = await take(f.a, 2);
    await f.a.leases.release(2, f.a.host, fence + 1, f.b.host);
    await f.a.leases.release(2, f.a.host, fence, f.b.host);
    await f.until(() => heard.length > 0);
    const stored = (await f.a.leases.owners()).find((o) => o.partition === 2);
    expect(heard).toEqual([stored]);
    expect(stored).toEqual({ partition: 2, fence: heard[0]?.fence, host: undefined, next: f.b.host });
    expect(await f.b.leases.claim(2, f.b.host, heard[0]?.fence ?? 0)).toBeGreaterThan(fence);
    expect((await f.a.leases.owners()).find((o) => o.partition === 2)).not.toHaveProperty("next");
  });
}
