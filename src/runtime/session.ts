/**
 * One holding of a partition: begins with a claim, ends when the partition is lost or given back. Everything that belongs to it
 * asks `open` before it acts, so that nothing of an ended session reaches a later one.
 *
 * | phase   | enters when             | what happens in it                            | leaves when                        |
 * |---------|-------------------------|-----------------------------------------------|------------------------------------|
 * | open    | claimed                 | everything                                    | it is to be given back, or is lost |
 * | leaving | it is to be given back  | what was accepted goes on; nothing is heard   | as below, or it is bound and stays |
 * | parting | work of it is given up  | turns are stored; no work begins              | nothing of it is under way, lost   |
 * | ended   | given back, lost        | nothing                                       | never                              |
 *
 * There is no way back from parting: what was given up is begun again by whoever reads it from its record.
 */
export class Session {
  readonly partition: number;
  readonly fence: number;
  /** The same map for every commit of this session: a fence never changes while it holds. */
  readonly fences: ReadonlyMap<number, number>;
  phase: "open" | "leaving" | "parting" | "ended" = "open";

  constructor(partition: number, fence: number) {
    this.partition = partition;
    this.fence = fence;
    this.fences = new Map([[partition, fence]]);
  }

  /** Its turns may be stored. */
  get open(): boolean {
    return this.phase !== "ended";
  }

  /** Work may begin. */
  get begins(): boolean {
    return this.phase === "open" || this.phase === "leaving";
  }

  /** Something new may be heard in it. */
  get accepts(): boolean {
    return this.phase === "open";
  }
}
