/**
 * Who should have which partition: even shares (the largest is at most one more than the smallest), as few moves as that takes, and
 * the same answer on every host that sees the same owners and hosts. What nobody has, or has too much of, goes to whoever has room
 * for it and wants it most by rendezvous hashing.
 *
 * A host acts on its own seat alone: it hands over what it has too much of and claims what is free and its own here. So hosts that
 * see the membership change at different times never take from each other, and agree once they see the same.
 *
 * @param owners by partition: the host that has it or is about to; undefined where that is nobody who stays
 * @param hosts those that may have partitions, in any order
 * @param isBound what its owner would rather not give up: of several it gives up others first
 * @returns by partition; undefined throughout where there are no hosts
 */
export function seatingOf(
  owners: readonly (string | undefined)[],
  hosts: readonly string[],
  isBound: (partition: number) => boolean = () => false,
): readonly (string | undefined)[] {
  if (hosts.length === 0) return owners.map(() => undefined);
  const held = new Map<string, number[]>(hosts.map((host) => [host, []]));
  for (const [partition, owner] of owners.entries()) if (owner !== undefined) held.get(owner)?.push(partition);
  const room = quotas(held, owners.length);
  const seats: (string | undefined)[] = owners.map(() => undefined);
  for (const [host, partitions] of held) {
    const quota = room.get(host) ?? 0;
    const kept = partitions.length <= quota ? partitions : dearest(host, partitions, isBound).slice(0, quota);
    for (const partition of kept) seats[partition] = host;
    room.set(host, quota - kept.length);
  }
  for (const [partition, seat] of seats.entries()) {
    if (seat !== undefined) continue;
    const taker = keenest(partition, room);
    seats[partition] = taker;
    room.set(taker, (room.get(taker) ?? 0) - 1);
  }
  return seats;
}

/** What does not divide goes to those that have most already: anything else would be a move more. */
function quotas(held: ReadonlyMap<string, readonly number[]>, partitions: number): Map<string, number> {
  const least = Math.floor(partitions / held.size);
  const left = partitions % held.size;
  const byShare = [...held].toSorted(([one, its], [other, others]) => others.length - its.length || before(one, other, partitions));
  return new Map(byShare.map(([host], i) => [host, least + (i < left ? 1 : 0)]));
}

function dearest(host: string, partitions: readonly number[], isBound: (partition: number) => boolean): readonly number[] {
  const wish = new Map(partitions.map((partition) => [partition, (isBound(partition) ? 2 ** 32 : 0) + scoreOf(host, partition)]));
  return partitions.toSorted((one, other) => (wish.get(other) ?? 0) - (wish.get(one) ?? 0) || one - other);
}

function keenest(partition: number, room: ReadonlyMap<string, number>): string {
  let best: string | undefined;
  for (const [host, left] of room) if (left > 0 && (best === undefined || before(host, best, partition) < 0)) best = host;
  // Quotas add up to all partitions: where one has no host, one host has room.
  return best as string;
}

/** Negative where `one` wants it more than `other`. Hosts whose hashes are the same are told apart by name. */
function before(one: string, other: string, partition: number): number {
  return scoreOf(other, partition) - scoreOf(one, partition) || (one < other ? -1 : 1);
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of both, and murmur's last mix, without which names that differ in one letter would want the same. */
function scoreOf(host: string, partition: number): number {
  let hash = Math.imul(FNV_OFFSET ^ partition, FNV_PRIME);
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
