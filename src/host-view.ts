import type { Leases, TypeFingerprints } from "./ports/leases.ts";

/** A host that lives, as `client.hosts()`, the verb `hosts` and `troupe hosts` tell of it. Made by whichever host answers; JSON on the wire. */
export interface HostView {
  readonly id: string;
  /** `joining`: not yet accepted; `draining`: takes nothing new. */
  readonly phase: "joining" | "active" | "draining";
  readonly partitions: readonly number[];
  readonly labels: readonly string[];
  /** Attempts that may run at once. */
  readonly slots: number;
  /** By type and version, the fingerprint of the definition. */
  readonly types: TypeFingerprints;
  /** Of this package. */
  readonly release: string;
  readonly protocol: number;
  /** When it gave its last sign of life, by its own clock; milliseconds since 1970. */
  readonly signAt: number;
}

/** What a client sees of the cluster. `unowned`: partitions whose actors wait, because no host that lives has them. */
export interface HostsView {
  readonly hosts: readonly HostView[];
  readonly unowned: readonly number[];
}

/** In the order in which they came. @throws no_answer, no_connection */
export async function viewHosts(leases: Pick<Leases, "members" | "owners">): Promise<HostsView> {
  const [members, owners] = await Promise.all([leases.members(), leases.owners()]);
  const hosts = members.map(({ host, phase, labels, slots, types, release, protocol, at }) => {
    const partitions = owners.filter((owner) => owner.host === host).map(({ partition }) => partition);
    return { id: host, phase, partitions, labels, slots, types, release, protocol, signAt: at };
  });
  const owned = new Set(hosts.flatMap(({ partitions }) => partitions));
  return { hosts, unowned: owners.flatMap(({ partition }) => (owned.has(partition) ? [] : [partition])) };
}
