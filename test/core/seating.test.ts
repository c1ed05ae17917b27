import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seatingOf } from "../../src/core/seating.ts";

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}-[a-z0-9]{1,6}$/), { minLength: 1, maxLength: 12 });

/** Some hosts, and partitions that belong to one of them, to somebody who has gone, or to nobody. */
const cluster = names.chain((hosts) =>
  fc.record({
    hosts: fc.constant(hosts),
    owners: fc.array(fc.option(fc.constantFrom(...hosts, "gone"), { nil: undefined }), { minLength: 1, maxLength: 64 }),
  }),
);

type Cluster = { readonly hosts: readonly string[]; readonly owners: readonly (string | undefined)[] };

function sharesOf(seats: readonly (string | undefined)[], hosts: readonly string[]): readonly number[] {
  return hosts.map((host) => seats.filter((seat) => seat === host).length);
}

/** Partitions that somebody who lives has to give away. */
function movesTo(seats: readonly (string | undefined)[], { owners, hosts }: Cluster): number {
  return owners.filter((owner, partition) => owner !== undefined && hosts.includes(owner) && seats[partition] !== owner).length;
}

/** Whoever has most gets what does not divide; of what he has beyond that he must part with all. */
function fewestMoves({ owners, hosts }: Cluster): number {
  const least = Math.floor(owners.length / hosts.length);
  const left = owners.length % hosts.length;
  const shares = sharesOf(owners, hosts).toSorted((one, other) => other - one);
  return shares.reduce((sum, share, i) => sum + Math.max(0, share - least - (i < left ? 1 : 0)), 0);
}

describe("seating", () => {
  it("gives every partition to a host, in even shares, with as few moves as that takes", () => {
    fc.assert(
      fc.property(cluster, (each) => {
        const seats = seatingOf(each.owners, each.hosts);
        expect(seats.every((seat) => seat !== undefined && each.hosts.includes(seat))).toBe(true);
        const shares = sharesOf(seats, each.hosts);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        expect(movesTo(seats, each)).toBe(fewestMoves(each));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is the same for every host, in whatever order it knows the others", () => {
    fc.assert(
      fc.property(cluster, fc.integer(), ({ owners, hosts }, turn) => {
        const at = Math.abs(turn) % hosts.length;
        const otherwise = [...hosts.slice(at), ...hosts.slice(0, at)].toReversed();
        expect(seatingOf(owners, otherwise)).toEqual(seatingOf(owners, hosts));
      }),
    );
  });

  it("leaves an even cluster alone; every move that was made, in whatever order, is one less to make", () => {
    fc.assert(
      fc.property(cluster, fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }), ({ owners, hosts }, made) => {
        const seats = seatingOf(owners, hosts);
        expect(seatingOf(seats, hosts)).toEqual(seats);
        const underWay = owners.map((owner, partition) => (made[partition] === true ? seats[partition] : owner));
        const done = owners.filter(
          (owner, partition) => owner !== undefined && hosts.includes(owner) && underWay[partition] !== owner,
        ).length;
        expect(movesTo(seatingOf(underWay, hosts), { owners: underWay, hosts })).toBe(movesTo(seats, { owners, hosts }) - done);
      }),
    );
  });

  it("moves to a newcomer only, and from a leaver only", () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 64 }), (hosts, partitions) => {
        const before = seatingOf(Array.from({ length: partitions }), hosts);
        const joined = seatingOf(before, [...hosts, "newcomer"]);
        for (const [partition, seat] of joined.entries()) if (seat !== before[partition]) expect(seat).toBe("newcomer");
        const left = seatingOf(joined, hosts);
        for (const [partition, seat] of left.entries()) if (joined[partition] !== "newcomer") expect(seat).toBe(joined[partition]);
      }),
    );
  });

  it("gives up first what is not bound", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 64 }), fc.integer({ min: 0, max: 64 }), (partitions, bound) => {
        const isBound = (partition: number): boolean => partition < bound;
        const seats = seatingOf(
          Array.from({ length: partitions }, () => "a"),
          ["a", "b"],
          isBound,
        );
        const kept = Math.ceil(partitions / 2);
        const boundThatMoved = seats.filter((seat, partition) => seat === "b" && isBound(partition)).length;
        expect(boundThatMoved).toBe(Math.max(0, Math.min(bound, partitions) - kept));
      }),
    );
  });

  it("prefers none of two whose names are alike", () => {
    const pairs = Array.from({ length: 100 }, (_, n) => [`host-${n}`, `host-${n + 1}`]);
    const first = pairs.filter((pair) => seatingOf([undefined], pair)[0] === pair[0]);
    expect(first.length).toBeGreaterThan(30);
    expect(first.length).toBeLessThan(70);
  });

  it("has nobody to give anything to where no host lives", () => {
    expect(seatingOf(["gone", undefined], [])).toEqual([undefined, undefined]);
  });
});
