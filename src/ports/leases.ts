/**
 * Who owns which partition. A claim is a compare-and-set; its number, the fence, goes with every commit, so that a host which has
 * lost a partition commits nothing, whatever its clock says. Liveness only decides *when* a partition may be claimed.
 * Adapters: memory, nats. Contract: test/contract/leases.ts.
 */
export interface Leases {
  /** How long a host is believed alive after its last sign of life. */
  readonly ttlMs: number;
  /**
   * Every partition's state: at least as new as what the caller wrote itself. It may have changed since, which a claim finds out.
   * @throws no_answer where nobody can be written to either, no_connection, not_provisioned
   */
  owners(): Promise<readonly Ownership[]>;
  /** Takes a partition if its fence is still `seen` (0 for never owned). `undefined`: somebody else was faster. */
  claim(partition: number, host: string, seen: number): Promise<number | undefined>;
  /**
   * Gives a partition back at once; a fence that is no longer current is not an error. Whoever is named as the next is told, and may
   * claim it before others do.
   */
  release(partition: number, host: string, fence: number, next?: string): Promise<void>;
  /** A sign of life, with what others must know. @throws when it could not be stored: the caller's trust must not grow */
  beat(sign: Sign): Promise<void>;
  /** Every host that has given a sign of life within `ttlMs`, in the order of their coming; at least as new as the caller's last. */
  members(): Promise<readonly Member[]>;
  /**
   * From now on this host shows that it is there, and hears of partitions that were left to it. Before its first sign of life, which
   * says so.
   */
  listen(host: string, left: (free: Ownership) => void): void;
  /** Says goodbye: the host's partitions may be taken at once. */
  leave(host: string): Promise<void>;
  /** `false` only if the host has certainly gone, or has given no sign of life for `ttlMs`. */
  alive(host: string): Promise<boolean>;
}

/** One partition's state. `host` is undefined where nobody has it. Made by adapters. */
export interface Ownership {
  readonly partition: number;
  readonly fence: number;
  readonly host: string | undefined;
  /** Where nobody has it: for whom it was left. */
  readonly next?: string;
}

/** What a host says of itself with every sign of life. Made by the runtime; stored as JSON, where every field may be missing. */
export interface Sign {
  readonly host: string;
  /** Only active hosts are given partitions. */
  readonly phase: "joining" | "active" | "draining";
  /** The number of the protocol it speaks (core/protocol.ts). */
  readonly protocol: number;
  /** Of this package, for people. */
  readonly release: string;
  /** What it can run: by name and version, the fingerprint of the definition. */
  readonly types: TypeFingerprints;
  /** What placement may ask for. */
  readonly labels: readonly string[];
  /** Attempts that may run at once. */
  readonly slots: number;
}

export type TypeFingerprints = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A host that lives. Made by adapters. */
export interface Member extends Sign {
  /** Its place in the order in which hosts came: the same for whoever looks, and smaller for whoever was there first. */
  readonly since: number;
  /** When it gave its last sign of life, by its own clock; milliseconds since 1970. */
  readonly at: number;
}
