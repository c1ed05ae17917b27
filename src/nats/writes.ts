import type { Write } from "../ports/store.ts";
import { letterLines, line, ttlLine } from "./header-block.ts";
import { NATS_HEADERS, type Names } from "./names.ts";

/** A write as it goes on the wire, without the headers that fence it or number it within a batch. */
export interface Wire {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly lines: string;
}

/** A dead letter is kept this long unless the host is told otherwise. */
export const DEFAULT_DEAD_TTL_MS = 7 * 24 * 3_600_000;
/** The server raises every time to live to that of the stream's delete markers, so no shorter one is asked for. */
export const LEAST_TTL_MS = 60_000;

const NOTHING = new Uint8Array(0);

export function toWire(names: Names, write: Write, deadTtlMs: number): Wire {
  switch (write.kind) {
    case "record":
      return {
        subject: names.state(write.address),
        body: write.bytes,
        lines: recordTtl(write.ttlMs),
      };
    case "part":
      return { subject: names.part(write.address, write.index), body: write.bytes, lines: recordTtl(write.ttlMs) };
    case "cancelPart":
      return { subject: names.part(write.address, write.index), body: NOTHING, lines: ttlLine(LEAST_TTL_MS) };
    case "mail":
      return {
        subject: names.mail(write.partition, write.lane, write.to, write.message),
        body: write.letter.body,
        lines: letterLines(write.letter.headers),
      };
    case "timer":
      return {
        subject: names.timer(write.owner, write.timer),
        body: write.letter.body,
        lines: scheduleLines(names, write) + letterLines(write.letter.headers),
      };
    case "cancelTimer":
      // A message without a schedule takes the place of the one with it, and goes away by itself.
      return { subject: names.timer(write.owner, write.timer), body: NOTHING, lines: ttlLine(LEAST_TTL_MS) };
    case "dead":
      return {
        subject: names.dead(write.address, write.name),
        body: write.letter.body,
        lines: ttlLine(deadTtlMs) + letterLines(write.letter.headers),
      };
    case "work":
      return { subject: names.work(write.lane, write.address), body: write.letter.body, lines: letterLines(write.letter.headers) };
    case "ticket":
      return { subject: names.ticket(write.address, write.ticket), body: write.bytes, lines: "" };
    case "cancelTicket":
      return { subject: names.ticket(write.address, write.ticket), body: NOTHING, lines: ttlLine(LEAST_TTL_MS) };
    case "turn":
      return { subject: names.turn(write.partition, write.address, write.revision), body: write.bytes, lines: "" };
  }
}

function recordTtl(ttlMs: number | undefined): string {
  return ttlMs === undefined ? "" : ttlLine(Math.max(ttlMs, LEAST_TTL_MS));
}

/**
 * The server adds the rollup itself, but a server that finds a half-stored batch after a crash replays the headers as they were
 * sent (research/jetstream.md §2), so it is sent.
 */
function scheduleLines(names: Names, write: Extract<Write, { kind: "timer" }>): string {
  const target = names.mail(write.partition, "event", write.owner, write.message);
  return (
    line(NATS_HEADERS.schedule, `@at ${new Date(write.dueAt).toISOString()}`) +
    line(NATS_HEADERS.scheduleTarget, target) +
    line(NATS_HEADERS.rollup, "sub")
  );
}

/** On another message of the same actor: storing that takes the timer's schedule away. One for each message. */
export function withdrawalLines(names: Names, { owner, timer }: Extract<Write, { kind: "cancelTimer" }>): string {
  return line(NATS_HEADERS.scheduler, names.timer(owner, timer)) + line(NATS_HEADERS.scheduleNext, "purge");
}

const WITNESS_RANK: Readonly<Record<Write["kind"], number>> = {
  record: 0,
  part: 1,
  dead: 2,
  turn: 3,
  work: 3,
  mail: 4,
  timer: 5,
  cancelTimer: 6,
  cancelPart: 7,
  ticket: 5,
  cancelTicket: 8,
};

/**
 * The write by which a commit is recognised after its answer got lost: the one whose message stays longest. A record stays until
 * its actor's next commit, which waits for this one; mail may be absorbed and a timer may fire meanwhile.
 */
export function witnessOf(writes: readonly Write[]): Write {
  let best = writes[0] as Write;
  for (const write of writes) if (WITNESS_RANK[write.kind] < WITNESS_RANK[best.kind]) best = write;
  return best;
}
