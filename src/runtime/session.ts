/**
 * One holding of a partition: begins with a claim, ends when the partition is lost or given back. Everything that belongs to it
 * asks `open` before it acts, so that nothing of an ended session reaches a later one.
 */
export class Session {
  readonly partition: number;
  readonly fence: number;
  /** The same map for every commit of this session: a fence never changes while it holds. */
  readonly fences: ReadonlyMap<number, number>;
  open = true;

  constructor(partition: number, fence: number) {
    this.partition = partition;
    this.fence = fence;
    this.fences = new Map([[partition, fence]]);
  }
}
