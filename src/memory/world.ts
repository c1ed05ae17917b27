import { formatAddress, type Address, type Lane } from "../core/address.ts";
import { DEADLINES } from "../core/deadlines.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gateway } from "../ports/gateway.ts";
import type { Ownership } from "../ports/leases.ts";
import type { Source } from "../ports/mailbox.ts";
import { Attachment } from "./attachment.ts";
import { Connection } from "./connection.ts";
import type { FaultPlan } from "./faults.ts";
import type { DeadMail, StoredChange, StoredTurn } from "./ledger.ts";
import { MemoryGateway, type Answerer } from "./gateway.ts";
import type { Outgoing } from "./outlet.ts";
import { Random } from "./random.ts";
import { Server } from "./server.ts";
import type { StepListener } from "./steps.ts";
import type { Message } from "./stream.ts";
import type { StoredTicket } from "./ticket-book.ts";

export interface WorldOptions {
  readonly clock: Clock;
  /** Chooses latencies, interleavings and what a dying connection still delivers. */
  readonly seed: number;
  readonly partitions: number;
  /** Messages that the way in holds before it refuses. Default: no limit. */
  readonly inMaxMessages?: number;
  /** The longest that anything is under way in one direction. Default 0: only the order is drawn, no time passes. */
  readonly maxLatencyMs?: number;
  /** Default `true`, as on a server without replicas. */
  readonly singlesOverlap?: boolean;
  /** Default 3,000. */
  readonly leaseTtlMs?: number;
  /** Default 1,000, as a JetStream batch. */
  readonly maxWrites?: number;
  /** Default 1,046,528: a server's default of a mebibyte, less room for headers. */
  readonly maxWriteBytes?: number;
  /** Default 16 MiB. */
  readonly maxRecordBytes?: number;
}

/** One simulated server for several hosts. Deterministic: with the same seed and the same calls everything happens again. */
export function createWorld(options: WorldOptions): World {
  return new World(options);
}

export class World {
  readonly clock: Clock;
  readonly partitions: number;
  readonly #server: Server;
  readonly #random: Random;
  readonly #maxLatencyMs: number;
  readonly #singlesOverlap: boolean;
  readonly #answerers = new Set<Answerer>();
  readonly #outgoing: Outgoing[] = [];
  readonly #outgoingListeners = new Set<(outgoing: Outgoing) => void>();

  constructor(options: WorldOptions) {
    const {
      clock,
      seed,
      partitions,
      inMaxMessages = Number.POSITIVE_INFINITY,
      leaseTtlMs = 3_000,
      maxWrites = 1_000,
      maxWriteBytes = 1_046_528,
      maxRecordBytes = 16 * 1024 * 1024,
    } = options;
    this.clock = clock;
    this.partitions = partitions;
    this.#random = new Random(seed);
    this.#maxLatencyMs = options.maxLatencyMs ?? 0;
    this.#singlesOverlap = options.singlesOverlap ?? true;
    this.#server = new Server({ clock, limits: { partitions, maxWrites, maxWriteBytes, maxRecordBytes }, inMaxMessages, leaseTtlMs });
  }

  /**
   * A new connection. A name that was used before is a restarted host: nothing of its old connection comes over. With the process's
   * own clock, nothing arrives while that is frozen.
   */
  attach(host: string, hostClock: Clock = this.clock): Attachment {
    return new Attachment(this.#server, this.#connect(host, hostClock), {
      hostClock,
      singlesOverlap: this.#singlesOverlap,
      left: (outgoing) => this.#left(outgoing),
    });
  }

  /** A client's own connection. `attend` as the port has it; by default nothing happens while somebody waits. */
  openGateway(name: string, attend?: Gateway["attend"]): { readonly gateway: MemoryGateway; readonly connection: Connection } {
    const connection = this.#connect(name, this.clock);
    const gateway = new MemoryGateway({
      server: this.#server,
      connection,
      clock: this.clock,
      random: this.#random.fork(),
      answerers: this.#answerers,
      onOutgoing: (left) => this.onOutgoing(left),
      ...(attend === undefined ? {} : { attend }),
      sendDeadlineMs: DEADLINES.sendMs,
      callDeadlineMs: DEADLINES.callMs,
      outageMs: DEADLINES.outageMs,
    });
    return { gateway, connection };
  }

  /** A host answers verbs of `troupe.api.*` from now on. Returns the way to stop. */
  answer(answerer: Answerer): () => void {
    this.#answerers.add(answerer);
    return () => void this.#answerers.delete(answerer);
  }

  /** A message from outside; its position in the source. @throws in_full */
  publish(lane: Lane, type: string, id: string, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): number {
    return this.#server.publish(lane, { type, id }, body, headers);
  }

  /** What goes wrong from now on. */
  get faults(): FaultPlan {
    return this.#server.faults;
  }

  /** Hears of everything that can be seen from outside, at the moment it happens. Returns the way to stop. */
  onStep(listener: StepListener): () => void {
    return this.#server.steps.listen(listener);
  }

  /** Every change of a record from now on, removals included. Returns the way to stop. */
  watch(changed: (change: StoredChange) => void): () => void {
    this.#server.watchers.add(changed);
    return () => this.#server.watchers.delete(changed);
  }

  /** Answers and events from now on. Returns the way to stop. */
  onOutgoing(left: (outgoing: Outgoing) => void): () => void {
    this.#outgoingListeners.add(left);
    return () => this.#outgoingListeners.delete(left);
  }

  /** Everything that left through an outlet and arrived. */
  get outgoing(): readonly Outgoing[] {
    return this.#outgoing;
  }

  /** Delivers everything that a source holds again, to whoever reads it. */
  rewind(partition: number, source: Source): void {
    this.#server.source(partition, source).rewind();
  }

  /** The stored record, whole, or undefined. */
  read(address: Address): Uint8Array | undefined {
    return this.#server.ledger.whole(address);
  }

  /** Whether a start of this actor is on its way. */
  awaits(address: Address): boolean {
    return this.#server.awaits(address);
  }

  /** Offered work that waits, or that somebody has in hand and did not acknowledge, each as `<lane> <type>/<id>`. */
  get offeredWork(): readonly string[] {
    return this.#server.work.places;
  }

  /** Every ticket that is stored, but for those of gates, oldest first. */
  get storedTickets(): readonly StoredTicket[] {
    return this.#server.ledger.tickets.of().filter(({ ticket }) => ticket.stand !== "gate");
  }

  /** The same, each as `<stand> <type>/<id>`. */
  get tickets(): readonly string[] {
    return this.storedTickets.map((each) => `${each.ticket.stand} ${formatAddress(each)}`);
  }

  /** Where parts of records lie, each as `part <type>/<id> <index>`. */
  get parts(): readonly string[] {
    return this.#server.ledger.partPlaces;
  }

  /** A disk loses a part of a record. */
  damagePart(address: Address, index: number): void {
    this.#server.ledger.losePart(address, index);
  }

  /** Every record as it is stored, by `type/id`. */
  get records(): ReadonlyMap<string, Uint8Array> {
    return this.#server.ledger.records;
  }

  /** What is stored in a source, oldest first; acknowledged or not, until it is forgotten. */
  messages(partition: number, source: Source): readonly Message[] {
    return this.#server.source(partition, source).messages();
  }

  /** What is stored in a source and not acknowledged. */
  unacknowledged(partition: number, source: Source): readonly Message[] {
    return this.#server.source(partition, source).unacknowledged();
  }

  /** Whether everything that was acknowledged is forgotten. */
  get isTidy(): boolean {
    return this.#server.isTidy;
  }

  owner(partition: number): Ownership {
    return this.#server.ledger.owner(partition);
  }

  get deadLetters(): readonly DeadMail[] {
    return this.#server.ledger.deadLetters;
  }

  /** Timers that are set and have not fired. */
  get timers(): Server["ledger"]["timers"] {
    return this.#server.ledger.timers;
  }

  turns(address: Address): readonly StoredTurn[] {
    return this.#server.ledger.turns(address);
  }

  #connect(host: string, hostClock: Clock): Connection {
    const { clock, steps, faults } = this.#server;
    return new Connection({
      host,
      clock,
      hostClock,
      steps,
      faults,
      random: this.#random.fork(),
      maxLatencyMs: this.#maxLatencyMs,
    });
  }

  #left(outgoing: Outgoing): void {
    this.#outgoing.push(outgoing);
    for (const listener of this.#outgoingListeners) listener(outgoing);
  }
}
