import { formatAddress } from "../../src/core/address.ts";
import type { ActivityContext, CrashPolicy, Definition } from "../../src/core/definition.ts";
import { castOf } from "../../src/define-actor.ts";
import { defineTask, type TaskOptions } from "../../src/define.ts";
import type { Attachment } from "../../src/memory/attachment.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { ProcessClock } from "../../src/memory/process-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Log } from "../../src/ports/log.ts";
import { Host } from "../../src/runtime/host.ts";
import type { KnownIdsOptions } from "../../src/runtime/known-ids.ts";
import { drive } from "../memory/fixture.ts";
import type { Run, Stand, Work } from "./stage.ts";

export interface HostOptions {
  readonly concurrency?: number;
  readonly cacheBytes?: number;
  readonly labels?: readonly string[];
  readonly knownIds?: KnownIdsOptions;
  /** Default true. */
  readonly nearMail?: boolean;
  /**
   * How many rounds of the clock's queue `soon` lets pass. Real processes run all promise reactions first; the virtual clock runs one
   * between two rounds. Default 12: short work ends before its first commit. 0: every turn is committed as early as can be.
   */
  readonly soonRounds?: number;
}

/** More types than the standard three, made for every process anew. */
export type Tasks = (process: Process) => readonly AnyDefinition[];

/** A definition whatever its types are. */
type AnyDefinition = Omit<Definition, "~types">;

/** Types whose crash policy is their name. */
export const POLICIES = ["rerun", "fail", "park"] as const satisfies readonly CrashPolicy[];

const LONGEST_LEAVE_MS = 10_000;

/** One host in a process of its own. */
export class Process {
  readonly stand: Stand;
  readonly name: string;
  readonly clock: ProcessClock;
  readonly attachment: Attachment;
  readonly host: Host;
  readonly warnings: string[] = [];
  isDead = false;

  constructor(stand: Stand, name: string, clock: ProcessClock, attachment: Attachment, options: HostOptions, tasks: Tasks = () => []) {
    this.stand = stand;
    this.name = name;
    this.clock = clock;
    this.attachment = attachment;
    const definitions = [...POLICIES.map((policy) => this.standard({ name: policy, onCrash: policy })), ...tasks(this)];
    const { store, mailbox, leases, outlet, work } = attachment;
    this.host = new Host({
      id: name,
      partitions: stand.world.partitions,
      store,
      mailbox,
      leases,
      outlet,
      work,
      clock: slowed(clock, options.soonRounds ?? 12),
      log: this.#log(),
      definitions: new Map(castOf(definitions as readonly Definition[]).map((definition) => [definition.name, definition])),
      concurrency: options.concurrency ?? 10,
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      release: "0.0.0",
      cacheBytes: options.cacheBytes ?? 1_000_000,
      ...(options.knownIds === undefined ? {} : { knownIds: options.knownIds }),
      nearMail: options.nearMail ?? true,
    });
  }

  /** The process ends between two instructions; of what it sent, a first part may still arrive. */
  kill(underWay?: InFlight): void {
    if (this.isDead) return;
    this.isDead = true;
    this.clock.stop();
    this.attachment.crash(underWay);
    for (const run of this.stand.runs) if (run.host === this.name && run.ended === "running") this.stand.running--;
  }

  freeze(): void {
    this.clock.freeze();
  }

  thaw(): void {
    this.clock.thaw();
  }

  async stop(): Promise<void> {
    await drive(this.stand.clock, this.host.stop());
  }

  async drain(timeoutMs = 30_000): Promise<void> {
    let left = false;
    const drained = this.host.drain(timeoutMs).then(() => (left = true));
    await this.stand.until(() => left, timeoutMs + LONGEST_LEAVE_MS);
    await drained;
  }

  get phases(): readonly string[] {
    return this.host.partitions.map(({ phase }) => phase);
  }

  /** A task whose input says what it does. */
  standard(options: Omit<TaskOptions<Work, string>, "run"> & { readonly name: string }): Definition<Work, string> {
    return this.task({ ...options, run: (context) => this.#work(context) });
  }

  /** A task whose runs are noted and checked. */
  task<TInput, TOutput>(options: TaskOptions<TInput, TOutput>): Definition<TInput, TOutput> {
    const { stand } = this;
    return defineTask<TInput, TOutput>({
      retry: { minDelayMs: 1_000, factor: 2, jitter: 0, maxDelayMs: 60_000, attempts: 3 },
      ...options,
      run: async (context) => {
        // What the promise queue of a dead process still holds is not run.
        if (this.isDead) return new Promise<never>(() => {});
        const run = this.#begin(context, options.onCrash ?? "rerun");
        try {
          const output = await options.run(context);
          run.ended = "returned";
          return output;
        } catch (error) {
          run.ended = context.signal.aborted ? "aborted" : "threw";
          throw error;
        } finally {
          if (!this.isDead) stand.running--;
        }
      },
    });
  }

  /** Resolves after so long, if the process lives; rejects as soon as the signal aborts. */
  pause(ms: number | undefined, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const alarm = ms === undefined ? undefined : this.clock.after(ms, resolve);
      signal?.addEventListener("abort", () => {
        alarm?.cancel();
        reject(signal.reason as Error);
      });
    });
  }

  #begin({ actor, attempt, epoch }: ActivityContext, policy: CrashPolicy): Run {
    const { stand } = this;
    const key = formatAddress(actor);
    const run: Run = { key, host: this.name, attempt, epoch, at: stand.clock.now(), ended: "running" };
    if (policy !== "rerun") {
      if (!stand.laws.hasBegun(key, attempt)) stand.laws.breach(`${key} (${policy}) began before its doing was stored`);
      if (stand.runs.some((other) => other.key === key && other.attempt === attempt))
        stand.laws.breach(`${key} (${policy}) ran attempt ${attempt} twice`);
    }
    // A worker that was told to begin may hear of a cancel only afterwards.
    if (!stand.offered.has(key) && stand.laws.hasEnded(key, epoch))
      stand.laws.breach(`${key} began under the fence that holds, after its end was stored`);
    stand.runs.push(run);
    stand.running++;
    stand.mostRunning = Math.max(stand.mostRunning, stand.running);
    return run;
  }

  async #work({ input, attempt, signal }: ActivityContext<Work>): Promise<string> {
    const { ms = 0, failures = 0, endless = false } = input ?? {};
    if (endless) await this.pause(undefined, signal);
    else if (ms > 0) await this.pause(ms, signal);
    if (attempt <= failures) throw new Error(`attempt ${attempt} was asked to fail`);
    return `made in attempt ${attempt}`;
  }

  #log(): Log {
    const note = (_fields: object, message: string): void => void this.warnings.push(message);
    const log: Log = { level: "warn", child: () => log, debug() {}, info() {}, warn: note, error: note };
    return log;
  }
}

function slowed(clock: ProcessClock, rounds: number): Clock {
  const hop = (left: number, action: () => void): void => clock.soon(() => (left > 0 ? hop(left - 1, action) : action()));
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, action) => clock.after(delayMs, action),
    soon: (action) => hop(rounds, action),
  };
}
