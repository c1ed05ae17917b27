import type { Line, StoredRecord } from "../history.ts";

/** What is stored at one point of a history, and what was seen so far: what laws ask about. */
export class Stock {
  readonly records = new Map<string, StoredRecord>();
  /** Fences, by partition. */
  readonly owners = new Map<number, number>();
  /** Actors whose start was accepted from outside. */
  readonly starts = new Set<string>();
  readonly expired = new Set<string>();
  /** Dead letters, as `code` by actor. */
  readonly dead = new Map<string, string[]>();
  readonly expected = new Map<string, Extract<Line, { kind: "expected" }>>();
  rest: Extract<Line, { kind: "rest" }> | undefined;

  take(line: Line): void {
    switch (line.kind) {
      case "owned":
        this.owners.set(line.partition, line.fence);
        return;
      case "accepted":
        if (line.source !== "in.event") this.starts.add(line.actor);
        return;
      case "expired":
        this.records.delete(line.actor);
        this.expired.add(line.actor);
        return;
      case "expected":
        this.expected.set(line.actor, line);
        return;
      case "rest":
        this.rest = line;
        return;
      case "stored":
        for (const write of line.writes) {
          if (write.kind === "record") this.records.set(write.actor, write.record);
          else if (write.kind === "dead") this.dead.set(write.actor, [...(this.dead.get(write.actor) ?? []), write.code]);
        }
    }
  }
}

export function hasEnded({ status }: StoredRecord): boolean {
  return status !== "active";
}

/** A child whose parent is another than before: its id was used again, and it begins anew in the place of one that has ended. */
export function isNextLife(before: StoredRecord, record: StoredRecord): boolean {
  return hasEnded(before) && record.parent !== undefined && record.parent.since !== before.parent?.since;
}

/** The state of a record in words: `undo.ready`. */
export function stateOf({ value }: StoredRecord): string {
  const words = (inner: unknown): string =>
    typeof inner === "object" && inner !== null
      ? Object.entries(inner)
          .map(([name, below]) => (words(below) === "" ? name : `${name}.${words(below)}`))
          .join(",")
      : typeof inner === "string"
        ? inner
        : "";
  return words(value);
}

export function heardBy({ context }: StoredRecord): readonly string[] {
  const heard = typeof context === "object" && context !== null ? (context as { heard?: unknown }).heard : undefined;
  return Array.isArray(heard) ? (heard as string[]) : [];
}

/** Which attempt is under way, as user code counts them. */
export function attemptsOf({ activities }: StoredRecord): readonly number[] {
  return Object.values(activities).map(({ input, reruns }) => {
    const attempt = typeof input === "object" && input !== null ? (input as { attempt?: unknown }).attempt : undefined;
    return (typeof attempt === "number" ? attempt : 1) + reruns;
  });
}
