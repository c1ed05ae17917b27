import type { TaskContext } from "../../machines/task.ts";
import { formatAddress, type Lane, type StartLane } from "../../src/core/address.ts";
import { decodeRecord, encodeJson } from "../../src/core/codec.ts";
import { HEADERS, type ActorEvent } from "../../src/core/envelope.ts";
import type { Outcome } from "../../src/core/lifecycle.ts";
import { asRecord, formatState, type ActorRecord } from "../../src/core/record.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import { ProcessClock } from "../../src/memory/process-clock.ts";
import type { Step } from "../../src/memory/steps.ts";
import { createWorld, type World, type WorldOptions } from "../../src/memory/world.ts";
import { SOURCES } from "../../src/ports/mailbox.ts";
import { drive } from "../memory/fixture.ts";
import { Laws } from "./laws.ts";
import { Process, type HostOptions, type Tasks } from "./process.ts";

/** What the standard task does is said by its input; every field left out asks for the least. */
export interface Work {
  /** Works so long before it ends. */
  readonly ms?: number;
  /** So many attempts fail before one succeeds. */
  readonly failures?: number;
  /** Never ends by itself. */
  readonly endless?: boolean;
}

/** One run of user code, noted when it begins. */
export interface Run {
  readonly key: string;
  readonly host: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly at: number;
  ended: "running" | "returned" | "threw" | "aborted";
}

export interface StandOptions extends Partial<WorldOptions> {
  readonly tasks?: Tasks;
  /** Of every host that has no say of its own. */
  readonly nearMail?: boolean;
  /** The first host knows which ids there are before anything else happens: new children can begin without being mailed. */
  readonly isAcquainted?: boolean;
}

const PARTITIONS = 2;
const EAGER = { bytes: 4_096, readsBeforeCensus: 1 };

/** A simulated server, a virtual clock, and hosts as processes that may die, freeze and lose their connection. */
export class Stand {
  readonly clock = new VirtualClock();
  readonly world: World;
  readonly runs: Run[] = [];
  readonly steps: Step[] = [];
  /** Whatever was ever offered to others. */
  readonly offered = new Set<string>();
  readonly laws: Laws;
  readonly processes: Process[] = [];
  readonly #options: StandOptions;
  running = 0;
  mostRunning = 0;

  constructor(options: StandOptions = {}) {
    this.#options = options;
    this.world = createWorld({ clock: this.clock, seed: 1, partitions: PARTITIONS, ...options });
    this.world.onStep((step) => {
      this.steps.push(step);
      if (step.kind !== "commitApplied") return;
      for (const write of step.commit.writes) if (write.kind === "work") this.offered.add(formatAddress(write.address));
    });
    this.laws = new Laws(this.world);
  }

  /** A host's process that has joined. */
  async open(options: HostOptions = {}): Promise<Process> {
    const { isAcquainted = false } = this.#options;
    const process = this.launch(isAcquainted ? { ...options, knownIds: EAGER } : options);
    await drive(this.clock, process.host.start());
    if (isAcquainted && this.processes.length === 1) await this.#acquaint(process);
    return process;
  }

  /** A host's process that nobody has told to start yet. */
  launch(options: HostOptions = {}): Process {
    const name = `host-${this.processes.length + 1}`;
    const clock = new ProcessClock(this.clock);
    const attachment = this.world.attach(name, clock);
    const { nearMail, tasks } = this.#options;
    const process = new Process(this, name, clock, attachment, { ...(nearMail === undefined ? {} : { nearMail }), ...options }, tasks);
    this.processes.push(process);
    return process;
  }

  /** Enough starts for a census in each partition. */
  async #acquaint({ name }: Process): Promise<void> {
    const ids = Array.from({ length: 6 * this.world.partitions }, (_, n) => `${name}-${n}`);
    for (const id of ids) {
      this.start("rerun", id);
      await this.until(() => this.state("rerun", id) === "done");
    }
    await this.settle();
  }

  start(type: string, id: string, input?: unknown, options: { lane?: StartLane; headers?: Readonly<Record<string, string>> } = {}): number {
    return this.world.publish(options.lane ?? "normal", type, id, encodeJson(input), options.headers);
  }

  send(type: string, id: string, event: ActorEvent): number {
    return this.world.publish("event", type, id, encodeJson(event));
  }

  raw(lane: Lane, type: string, id: string, body: string, headers: Readonly<Record<string, string>> = {}): number {
    return this.world.publish(lane, type, id, Buffer.from(body), headers);
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  until(predicate: () => boolean, limitMs = 60_000): Promise<void> {
    return this.clock.until(predicate, limitMs);
  }

  record(type: string, id: string): ActorRecord | undefined {
    const bytes = this.world.read({ type, id });
    return bytes === undefined ? undefined : asRecord(decodeRecord(bytes));
  }

  /** What a task's machine knows. @throws where there is no record */
  context(type: string, id: string): TaskContext {
    const record = this.record(type, id);
    if (record === undefined) throw new Error(`${type}/${id} has no record`);
    return record.context as TaskContext;
  }

  /** `undo.ready`; "" where there is no record. */
  state(type: string, id: string): string {
    const record = this.record(type, id);
    return record === undefined ? "" : formatState(record.value);
  }

  /** Runs of one task, or of all. */
  runsOf(key?: string): readonly Run[] {
    return key === undefined ? this.runs : this.runs.filter((run) => run.key === key);
  }

  get replies(): readonly Outcome[] {
    return this.world.outgoing.flatMap((outgoing) =>
      outgoing.kind === "reply" ? [JSON.parse(Buffer.from(outgoing.body).toString()) as Outcome] : [],
    );
  }

  get deadLetters(): readonly { key: string; code: string; name: string }[] {
    return this.world.deadLetters.map(({ address, letter, name }) => ({
      key: formatAddress(address),
      name,
      code: (JSON.parse(letter.headers?.[HEADERS.reason] ?? "{}") as { code: string }).code,
    }));
  }

  /** Everything that was sent and is still unacknowledged, as `partition source type/id`. */
  get unacknowledged(): readonly string[] {
    const left: string[] = [];
    for (let partition = 0; partition < this.world.partitions; partition++)
      for (const source of SOURCES)
        for (const { type, id } of this.world.unacknowledged(partition, source)) left.push(`${partition} ${source} ${type}/${id}`);
    return left;
  }

  /** Everything that any source holds, acknowledged or not, as `source type/id`. */
  get stored(): readonly string[] {
    const left: string[] = [];
    for (let partition = 0; partition < this.world.partitions; partition++)
      for (const source of SOURCES) for (const { type, id } of this.world.messages(partition, source)) left.push(`${source} ${type}/${id}`);
    return left;
  }

  stepsOf<Kind extends Step["kind"]>(kind: Kind): readonly Extract<Step, { kind: Kind }>[] {
    return this.steps.filter((step): step is Extract<Step, { kind: Kind }> => step.kind === kind);
  }

  /** @throws naming what was broken */
  check(): void {
    if (this.laws.broken.length > 0) throw new Error(`broken:\n  ${this.laws.broken.join("\n  ")}`);
  }
}
