import type { Address } from "../core/address.ts";
import { formatAddress } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Source } from "../ports/mailbox.ts";
import {
  COMMITTED,
  isSingle,
  type Commit,
  type CommitOutcome,
  type Place,
  type Store,
  type TicketFollower,
  type Write,
} from "../ports/store.ts";
import type { Answers } from "./answers.ts";
import type { Listening } from "../ports/work.ts";
import { takeCensus } from "./census.ts";
import { Following } from "./following.ts";
import { composeBatch, MOST_WRITES, newBatchId, sendBatch } from "./batch.ts";
import { fenceLines, FenceBlocks, HeaderBlock } from "./header-block.ts";
import { apiError, isDeleted, isNoSchedule } from "./failures.ts";
import type { Horizon } from "./horizon.ts";
import type { Link } from "./link.ts";
import { api, type Names } from "./names.ts";
import { store, type StoreAnswer } from "./pub-ack.ts";
import type { Quorum } from "./quorum.ts";
import type { Records } from "./records.ts";
import type { Reads } from "./reads.ts";
import { recover, type Recovery } from "./recovery.ts";
import type { Settler } from "./settler.ts";
import { Single } from "./single.ts";
import type { TurnSweeper } from "./turn-sweeper.ts";
import type { WorkSweeper } from "./work-sweeper.ts";
import { LEAST_TTL_MS, toWire, withdrawalLines, witnessOf } from "./writes.ts";

export interface StoreParts {
  readonly link: Link;
  readonly answers: Answers;
  readonly reads: Reads;
  readonly horizon: Horizon;
  readonly quorum: Quorum;
  readonly records: Records;
  readonly settler: Settler;
  /** How long a commit that the server refuses for now is sent again. */
  readonly resendMs: number;
  readonly sweeper: TurnSweeper;
  readonly workSweeper: WorkSweeper;
  readonly names: Names;
  readonly replicas: number;
  /** Set where the server runs with `sync_interval: always`: single writes then join the batch, which syncs once for all. */
  readonly batchSingles: boolean;
  readonly deadTtlMs: number;
  readonly maxRecordBytes: number;
  readonly inboxPrefix: string | undefined;
}

/** Room for the headers that we add to a write: batch id and number, fence, schedule with its target. */
const HEADERS_ROOM_BYTES = 2048;

/**
 * The JetStream store. A commit of one write is one fenced publish, several are one atomic batch; whatever is not plainly stored
 * goes to recovery.ts, which finds out what became of it.
 *
 * Owns: nothing that outlives a commit but cached header blocks. Calls in: the runtime's committer and loader.
 * S1. Every message that is stored is stored under a fence: alone, or in a batch that carries one for each partition.
 * S2. `committed` is said only after the server has said so, or the stored message has been read from the leader.
 */
export class JetStreamStore implements Store {
  readonly maxWrites = MOST_WRITES;
  readonly maxWriteBytes: number;
  readonly maxRecordBytes: number;
  readonly singlesOverlap: boolean;
  readonly #parts: StoreParts;
  readonly #blocks: FenceBlocks;
  /** What may be read of a stream with copies depends on what was stored; elsewhere nobody asks, and no answer is parsed for it. */
  readonly #hears: ((answer: StoreAnswer) => StoreAnswer) | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.maxWriteBytes = parts.link.maxPayloadBytes - HEADERS_ROOM_BYTES;
    this.maxRecordBytes = parts.maxRecordBytes;
    this.singlesOverlap = parts.replicas === 1 && !parts.batchSingles;
    this.#blocks = new FenceBlocks(parts.names);
    this.#hears = parts.replicas === 1 ? undefined : (answer) => this.#heard(answer);
  }

  load(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#parts.records.stored(addresses);
  }

  loadParts(address: Address, count: number): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#parts.records.parts(address, count);
  }

  get interruptions(): number {
    return this.#parts.link.interruptions;
  }

  census(tell: (address: Address) => boolean): Promise<void> {
    return takeCensus(this.#parts, tell);
  }

  follow(type: string, follower: TicketFollower): Listening {
    return new Following(this.#parts, type, follower);
  }

  commit(commit: Commit): Promise<CommitOutcome> {
    const { writes, fences } = commit;
    const write = writes[0];
    if (write === undefined) return Promise.resolve(COMMITTED);
    if (fences.size === 0 || fences.size > writes.length)
      return Promise.resolve(refuse("defect", `A commit of ${writes.length} writes came with ${fences.size} fences`));
    if (writes.length > MOST_WRITES)
      return Promise.resolve(refuse("too_large", `A commit holds ${writes.length} writes; ${MOST_WRITES} is the most`));
    if (writes.length === 1) return this.#commitOne(commit, write);
    return this.singlesOverlap && isSingle(writes) ? this.#commitWithdrawal(commit) : this.#commitBatch(commit);
  }

  async forget(partition: number, source: Source, throughSequence: number, of?: Place): Promise<void> {
    const { link, names } = this.#parts;
    const { stream, filters } = names.source(partition, source);
    const chosen = of === undefined ? filters : [names.storedOf(partition, source, of.lane, of)];
    await Promise.all(chosen.map((filter) => link.demand(api.streamPurge(stream), { filter, seq: throughSequence + 1 })));
  }

  async forgetOne(partition: number, source: Source, sequence: number): Promise<void> {
    const { link, names } = this.#parts;
    const { stream } = names.source(partition, source);
    const reply = await link.call<object>(api.messageDelete(stream), { seq: sequence, no_erase: true });
    if ("error" in reply && !isDeleted(reply.error)) throw apiError(reply.error, stream);
  }

  async tidy(partition: number): Promise<void> {
    await Promise.all([this.#parts.sweeper.sweep(partition), this.#parts.workSweeper.sweep()]);
  }

  /** The hot path: no promise but the one returned, nothing parsed, headers encoded once per partition and fence. */
  #commitOne(commit: Commit, write: Write): Promise<CommitOutcome> {
    const [partition, fence] = commit.fences.entries().next().value as [number, number];
    let block: HeaderBlock;
    let subject: string;
    let body: Uint8Array;
    if (write.kind === "record") {
      subject = this.#parts.names.state(write.address);
      body = write.bytes;
      block = this.#blocks.of(partition, fence, write.ttlMs === undefined ? undefined : Math.max(write.ttlMs, LEAST_TTL_MS));
    } else {
      const wire = toWire(this.#parts.names, write, this.#parts.deadTtlMs);
      ({ subject, body } = wire);
      block = new HeaderBlock(fenceLines(this.#parts.names, partition, fence) + wire.lines);
    }
    if (body.length + block.bytes.length > this.#parts.link.maxPayloadBytes) return Promise.resolve(tooLarge(write, body.length));
    return new Promise((resolve) => {
      const trouble = (answer: StoreAnswer): void => this.#recoverOne(commit, { subject, body }, block, answer, resolve);
      this.#parts.answers.send(subject, body, block, new Single(resolve, trouble, this.#hears));
    });
  }

  #recoverOne(
    commit: Commit,
    witness: { readonly subject: string; readonly body: Uint8Array },
    block: HeaderBlock,
    answer: StoreAnswer,
    resolve: (outcome: CommitOutcome) => void,
  ): void {
    const { answers } = this.#parts;
    const send = async (): Promise<StoreAnswer> => this.#heard(await store(answers, witness.subject, witness.body, block));
    void recover(this.#recovery(commit, send, witness), answer).then(resolve);
  }

  /**
   * A record that takes the schedule of a timer away as it is stored. Where something else lies in the schedule's place (a timer that
   * was withdrawn in a batch leaves a message for a minute), the server refuses that, and a batch puts the two in their places.
   */
  async #commitWithdrawal(commit: Commit): Promise<CommitOutcome> {
    const { answers, names, link } = this.#parts;
    const [withdrawal, record] = commit.writes as unknown as [Extract<Write, { kind: "cancelTimer" }>, Write];
    const { subject, body, lines } = toWire(names, record, this.#parts.deadTtlMs);
    const [partition, fence] = commit.fences.entries().next().value as [number, number];
    const block = new HeaderBlock(fenceLines(names, partition, fence) + lines + withdrawalLines(names, withdrawal));
    if (body.length + block.bytes.length > link.maxPayloadBytes) return tooLarge(record, body.length);
    const send = async (): Promise<StoreAnswer> => this.#heard(await store(answers, subject, body, block));
    const answer = await send();
    if (answer.kind === "stored") return COMMITTED;
    if (answer.kind === "failed" && isNoSchedule(answer.failure)) return this.#commitBatch(commit);
    return recover(this.#recovery(commit, send, { subject, body }), answer);
  }

  async #commitBatch(commit: Commit): Promise<CommitOutcome> {
    const { link, answers, names, deadTtlMs, sweeper, workSweeper } = this.#parts;
    const wires = commit.writes.map((write) => toWire(names, write, deadTtlMs));
    let batchId = newBatchId();
    let messages = composeBatch(names, commit, wires, batchId);
    for (const [i, { body, headers }] of messages.entries()) {
      if (body.length + headers.bytes.length > link.maxPayloadBytes) return tooLarge(commit.writes[i] as Write, body.length);
    }
    sweeper.note(commit);
    workSweeper.note(commit);
    const answer = this.#heard(await sendBatch(link, answers, messages));
    if (answer.kind === "stored") return COMMITTED;
    const witness = toWire(names, witnessOf(commit.writes), deadTtlMs);
    const resend = async (): Promise<StoreAnswer> => {
      batchId = newBatchId();
      messages = composeBatch(names, commit, wires, batchId);
      return this.#heard(await sendBatch(link, answers, messages));
    };
    return recover(this.#recovery(commit, resend, { subject: witness.subject, batchId: () => batchId }), answer);
  }

  /** Whatever is read from now on is at least as new. */
  #heard(answer: StoreAnswer): StoreAnswer {
    if (answer.kind === "stored") this.#parts.horizon.heard(this.#parts.names.streams.core, answer.sequence);
    return answer;
  }

  #recovery(commit: Commit, send: Recovery["send"], witness: Recovery["witness"]): Recovery {
    const { names, reads, settler, resendMs } = this.#parts;
    return { commit, send, witness, names, reads, settler, resendMs };
  }
}

function tooLarge(write: Write, bodyBytes: number): CommitOutcome {
  const about = formatAddress("address" in write ? write.address : "to" in write ? write.to : write.owner);
  return refuse("too_large", `A ${write.kind} of ${about} has ${bodyBytes} bytes, more than the server takes`, about);
}

function refuse(code: "too_large" | "defect", message: string, about?: string): CommitOutcome {
  return { kind: "refused", error: new TroupeError(code, message, about === undefined ? {} : { about }) };
}
