import type { Clock } from "../../src/ports/clock.ts";
import type { Leases } from "../../src/ports/leases.ts";

/** Somebody who seems to live, and has what is not to be taken yet. */
const RESERVED = "reserved";
/** What others have a claim to is taken once it has been free for so long. */
const FREE_MS = 1_500;

/** Leases of which a host takes its own share first: partitions are spread over places without any host knowing of the others. */
export function shareOf(leases: Leases, place: number, places: number, clock: Clock): Leases {
  const freeSince = new Map<number, number>();
  return {
    ttlMs: leases.ttlMs,
    owners: async () => {
      const owners = await leases.owners();
      const dead = new Set<string>();
      for (const host of new Set(owners.map(({ host: owner }) => owner)))
        if (host !== undefined && !(await leases.alive(host))) dead.add(host);
      const now = clock.monotonic();
      return owners.map((owner) => {
        const { partition, host } = owner;
        if (host !== undefined && !dead.has(host)) {
          freeSince.delete(partition);
          return owner;
        }
        const since = freeSince.get(partition) ?? now;
        freeSince.set(partition, since);
        const isMine = partition % places === place || now - since >= FREE_MS;
        return isMine ? owner : { ...owner, host: RESERVED };
      });
    },
    claim: (partition, host, seen) => leases.claim(partition, host, seen),
    release: (partition, host, fence, next) => leases.release(partition, host, fence, next),
    beat: (sign) => leases.beat(sign),
    members: () => leases.members(),
    listen: (host, left) => leases.listen(host, left),
    leave: (host) => leases.leave(host),
    alive: (host) => (host === RESERVED ? Promise.resolve(true) : leases.alive(host)),
  };
}
