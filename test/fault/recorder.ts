import type { NatsConnection } from "@nats-io/nats-core";
import { decodeRecord } from "../../src/core/codec.ts";
import { partitionOf } from "../../src/core/placement.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { Answers } from "../../src/nats/answers.ts";
import { Link } from "../../src/nats/link.ts";
import { isMarker, NATS_HEADERS, type Names } from "../../src/nats/names.ts";
import { Reads } from "../../src/nats/reads.ts";
import type { Stored } from "../../src/nats/stored.ts";
import type { Line, StoredRecord, StoredWrite } from "../sim/history.ts";

/** What the server writes beside a message that is read directly, and what a fired schedule carries. */
const TIME = "Nats-Time-Stamp";
const SCHEDULER = "Nats-Scheduler";
const LOOK_EVERY_MS = 150;
const ANSWER_MS = 2_000;
const MOST_AT_ONCE = 256;

/** A record or a turn as it lies in the stream. */
export interface Seen {
  readonly actor: string;
  readonly record: StoredRecord;
  readonly at: number;
}

/**
 * Reads what a real server stores, in the order of its stream, and writes it down as the server's side of a history. What is overwritten
 * or purged before it was read is missing (mail that was heard at once, records that another one followed); turns stay for a minute, so
 * of types that keep their turns nothing is.
 *
 * It reads by sequence, without a consumer: whatever breaks, the next look goes on where the last one stopped.
 */
export class Recorder {
  readonly lines: Line[] = [];
  /** The newest record of each actor. */
  readonly newest = new Map<string, Seen>();
  /** Who has each partition, as far as is read. */
  readonly owners = new Map<number, string | null>();
  readonly #names: Names;
  readonly #partitions: number;
  readonly #seen: (seen: Seen) => void;
  readonly #link: Link;
  readonly #answers: Answers;
  readonly #reads: Reads;
  #next = 1;
  #isOpen = true;
  #batch: { readonly id: string; readonly line: Extract<Line, { kind: "stored" }>; readonly writes: StoredWrite[] } | undefined;
  /** Claims that are only known by what was stored under them; they came before it. */
  readonly #unseen: Line[] = [];
  readonly #fences = new Map<number, number>();
  readonly #looking: Promise<void>;

  constructor(
    connection: NatsConnection,
    { names, partitions, replicas }: { readonly names: Names; readonly partitions: number; readonly replicas: number },
    seen: (seen: Seen) => void = () => {},
  ) {
    this.#names = names;
    this.#partitions = partitions;
    this.#seen = seen;
    this.#link = new Link(connection);
    this.#answers = new Answers(this.#link, undefined, ANSWER_MS);
    this.#reads = new Reads(this.#answers, replicas);
    this.#looking = this.#look();
  }

  /** The position in the stream up to which everything is written down. */
  get position(): number {
    return this.#next - 1;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#looking;
    this.#answers.close();
    this.#link.close();
  }

  async #look(): Promise<void> {
    while (this.#isOpen) {
      const some = await this.#reads
        .following(this.#names.streams.core, `${this.#names.namespace}.>`, this.#next, MOST_AT_ONCE)
        .catch(() => []);
      for (const stored of some) {
        // A reply of an earlier read that came late, or a copy that lags.
        if (stored.sequence < this.#next) continue;
        this.#next = stored.sequence + 1;
        this.#took(stored);
      }
      if (some.length === 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  #took(stored: Stored): void {
    const { subject, sequence, body, header } = stored;
    const at = Date.parse(header(TIME));
    const [, word = "", ...rest] = subject.split(".");
    if (word === "own") {
      const partition = Number(rest[0]);
      const { host, next } = JSON.parse(Buffer.from(body).toString()) as { readonly host: string | null; readonly next?: string };
      this.#fences.set(partition, sequence);
      this.owners.set(partition, host);
      return void this.lines.push({ at, kind: "owned", partition, fence: sequence, host, ...(next === undefined ? {} : { next }) });
    }
    if (isMarker(header)) {
      if (word === "state") this.lines.push({ at, kind: "expired", actor: rest.join("/") });
      return;
    }
    if (word === "mail" && header(SCHEDULER) !== "") {
      const [, , type = "", id = "", timer = ""] = header(SCHEDULER).split(".");
      return void this.lines.push({ at, kind: "fired", actor: `${type}/${id}`, timer });
    }
    const write = this.#written(word, rest, stored, at);
    if (write.length > 0) this.#note(at, header(NATS_HEADERS.batchId), write);
  }

  /** Messages of one batch lie next to each other. */
  #note(at: number, id: string, writes: readonly StoredWrite[]): void {
    if (this.#batch?.id === id && id !== "") this.lines.splice(this.lines.lastIndexOf(this.#batch.line), 0, ...this.#unseen.splice(0));
    else {
      this.lines.push(...this.#unseen.splice(0));
      const own: StoredWrite[] = [];
      const line = { at, kind: "stored", writes: own } as const;
      this.#batch = { id, line, writes: own };
      this.lines.push(line);
    }
    const { writes: all } = this.#batch;
    for (const write of writes) {
      // Of an actor's turns in one commit only the last one's record is stored.
      const before = write.kind === "record" ? all.findIndex(({ kind, actor }) => kind === "record" && actor === write.actor) : -1;
      if (before >= 0) all.splice(before, 1);
      all.push(write);
    }
  }

  #written(word: string, rest: readonly string[], { body, header }: Stored, at: number): readonly StoredWrite[] {
    // <type>.<id>, behind what stands before them in turns and mail.
    const [type = "", id = "", tail = ""] = rest.slice(word === "turn" ? 1 : word === "mail" ? 2 : 0);
    const actor = `${type}/${id}`;
    const about = { actor, partition: partitionOf(type, id, this.#partitions) };
    switch (word) {
      case "state":
        return [this.#record(about, decodeRecord(body) as StoredRecord, at)];
      case "turn": {
        const { record } = decodeRecord(body) as { readonly record: StoredRecord };
        return [{ kind: "turn", ...about, revision: Number(tail) }, this.#record(about, record, at)];
      }
      case "mail":
        return [{ kind: "mail", ...about, lane: rest[1] ?? "", message: tail }];
      case "timer": {
        const schedule = header(NATS_HEADERS.schedule);
        if (schedule === "") return [{ kind: "cancelTimer", ...about, timer: tail }];
        return [{ kind: "timer", ...about, timer: tail, dueAt: Date.parse(schedule.replace("@at ", "")) }];
      }
      case "dead": {
        const { code } = JSON.parse(header(HEADERS.reason) || "{}") as { readonly code?: string };
        return [{ kind: "dead", ...about, name: tail, code: code ?? "" }];
      }
      default:
        return [];
    }
  }

  #record(about: { readonly actor: string; readonly partition: number }, record: StoredRecord, at: number): StoredWrite {
    const { actor, partition } = about;
    // A claim that was replaced before it was read: what was stored under it shows that it was there.
    if (record.epoch > (this.#fences.get(partition) ?? 0)) {
      this.#fences.set(partition, record.epoch);
      this.#unseen.push({ at, kind: "owned", partition, fence: record.epoch, host: "unknown" });
    }
    const known = this.newest.get(actor);
    const seen: Seen = { actor, record: essence(record), at };
    if (known === undefined || known.record.createdAt !== record.createdAt || known.record.revision <= record.revision)
      this.newest.set(actor, seen);
    this.#seen(seen);
    return { kind: "record", ...about, record: seen.record };
  }
}

/** Without what no law looks at: an hour's records have to fit into memory. */
function essence(record: StoredRecord): StoredRecord {
  const { revision, epoch, generation, status, value, marks, activities, timers, children, ended, parent, owed, replies, outbox } = record;
  const { parked, createdAt, updatedAt } = record;
  const { heard } = (record.context ?? {}) as { readonly heard?: readonly string[] };
  const due = Object.entries(timers).map(([timer, { dueAt, keeper }]) => [timer, { dueAt, keeper }] as const);
  const always = { revision, epoch, generation, status, value, marks, activities, timers: Object.fromEntries(due), createdAt, updatedAt };
  return {
    ...always,
    context: heard === undefined ? undefined : { heard },
    ...(children === undefined ? {} : { children }),
    ...(ended === undefined ? {} : { ended }),
    ...(parent === undefined ? {} : { parent }),
    ...(owed === undefined ? {} : { owed: owed.map(({ key }) => ({ key })) }),
    ...(replies === undefined ? {} : { replies: replies.map(({ to }) => ({ to })) }),
    ...(outbox === undefined ? {} : { outbox: outbox.map(() => 0) }),
    ...(parked === undefined ? {} : { parked: { reason: parked.reason } }),
  };
}
