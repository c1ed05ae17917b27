/**
 * Who owns which partition. A claim is a compare-and-set; its number, the fence, goes with every commit, so that a host which has
 * lost a partition commits nothing, whatever its clock says. Liveness only decides *when* a partition may be claimed.
 * Adapters: memory, nats. Contract: test/contract/leases.ts.
 */
export interface Leases {
  /** How long a host is believed alive after its last sign of life. */
  readonly ttlMs: number;
  /** @throws no_answer, no_connection, not_provisioned */
  owners(): Promise<readonly Ownership[]>;
  /** Takes a partition if its fence is still `seen` (0 for never owned). `undefined`: somebody else was faster. */
  claim(partition: number, host: string, seen: number): Promise<number | undefined>;
  /** Gives a partition back at once; a fence that is no longer current is not an error. */
  release(partition: number, host: string, fence: number): Promise<void>;
  /** A sign of life. @throws when it could not be stored: the caller's trust must not grow */
  beat(host: string): Promise<void>;
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
}
