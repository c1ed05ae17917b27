/**
 * How far streams with several copies are known to reach, so that no read comes from before it.
 *
 * A server that is cut off goes on believing that it leads for up to 20 s (server/raft.go, `lostQuorumInterval` and `lostQuorumCheck`),
 * and answers STREAM.MSG.GET from what it had, while the others have elected another leader after 4 to 9 s and store on
 * (test/fault/stale; thousands of stale answers within some 10 s). Nothing in such an answer tells. So a host believes no server for what
 * it is, only for how far it has come: one that has applied the last message that this host knows to be stored has applied
 * everything before it too, since every copy applies the log in its order. After a claim that is everything that earlier owners ever
 * stored (the claim lies behind all of it, and nothing can be stored under an older fence), after a commit that commit as well.
 *
 * Owns: a sequence for each stream. Calls in: whoever hears of stored messages, reads, the census.
 * H1. Only what the server acknowledged as stored, or what was read, is heard of here; a sequence never falls.
 */
export class Horizon {
  readonly #landmarks: ReadonlyMap<string, string>;
  readonly #sequences = new Map<string, number>();

  /** @param landmarks for each stream with copies a filter that matches something as soon as anything is known to be stored there */
  constructor(landmarks: ReadonlyMap<string, string>) {
    this.#landmarks = landmarks;
  }

  /** Whether it has copies, one of which may be behind. */
  tracks(stream: string): boolean {
    return this.#landmarks.has(stream);
  }

  /** The highest sequence known to be stored; 0 where nothing is known. */
  of(stream: string): number {
    return this.#sequences.get(stream) ?? 0;
  }

  heard(stream: string, sequence: number): void {
    if (this.tracks(stream) && sequence > this.of(stream)) this.#sequences.set(stream, sequence);
  }

  /** Undefined where no subject of the stream is certain to be there: how far a copy has come is told only with something that it has. */
  landmark(stream: string): string | undefined {
    return this.#landmarks.get(stream);
  }
}
