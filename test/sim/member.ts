import type { ActivityContext, Definition } from "../../src/core/definition.ts";
import { formatAddress } from "../../src/core/address.ts";
import type { Attachment } from "../../src/memory/attachment.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { ProcessClock } from "../../src/memory/process-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Log } from "../../src/ports/log.ts";
import { Host } from "../../src/runtime/host.ts";
import type { HostParts } from "../../src/runtime/host-parts.ts";
import { TASKS, type Errand, type TaskType, type Work } from "./cast.ts";
import type { Policy } from "./history.ts";
import type { Recorder } from "./recorder.ts";

/** What tells the processes of a run from each other. */
export interface MemberOptions {
  readonly concurrency: number;
  readonly cacheBytes: number;
  readonly nearMail: boolean;
  readonly knownIds: { readonly bytes: number; readonly readsBeforeCensus: number };
  /** How many rounds of the clock's queue `soon` lets pass: with more, more turns share a commit. */
  readonly soonRounds: number;
  /** How long `soon` takes beside: a process that is slow. */
  readonly paceMs: number;
}

/** The ports that a host is given, and what may be put before them to break something on purpose. */
export type Ports = Pick<HostParts, "store" | "mailbox" | "leases" | "outlet" | "work">;

/** Lets `soon` wait, now and then, and for as long as it is told. */
class PacedClock implements Clock {
  paceMs: number;
  readonly #clock: ProcessClock;
  readonly #rounds: number;

  constructor(clock: ProcessClock, { soonRounds, paceMs }: MemberOptions) {
    this.#clock = clock;
    this.#rounds = soonRounds;
    this.paceMs = paceMs;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, action: () => void): ReturnType<Clock["after"]> {
    return this.#clock.after(delayMs, action);
  }

  every(everyMs: number, action: () => void): ReturnType<Clock["every"]> {
    return this.#clock.every(everyMs, action);
  }

  soon(action: () => void): void {
    if (this.paceMs > 0) this.#clock.after(this.paceMs, action);
    else this.#hop(this.#rounds, action);
  }

  #hop(left: number, action: () => void): void {
    this.#clock.soon(() => (left > 0 ? this.#hop(left - 1, action) : action()));
  }
}

export interface MemberParts {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly attachment: Attachment;
  readonly ports: Ports;
  readonly partitions: number;
  readonly definitions: readonly Definition[];
  readonly recorder: Recorder;
}

/** One host in a process of its own, which may die, freeze, slow down and have its clock set. */
export class Member {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly attachment: Attachment;
  readonly host: Host;
  readonly #pace: PacedClock;
  readonly #recorder: Recorder;
  readonly #running = new Set<ActivityContext>();
  isDead = false;

  constructor({ name, clock, attachment, ports, partitions, definitions, recorder }: MemberParts, options: MemberOptions) {
    this.name = name;
    this.clock = clock;
    this.attachment = attachment;
    this.#recorder = recorder;
    this.#pace = new PacedClock(clock, options);
    const { concurrency, cacheBytes, nearMail, knownIds } = options;
    this.host = new Host({
      id: name,
      partitions,
      ...ports,
      clock: this.#pace,
      log: SILENT,
      release: "0",
      definitions: new Map(definitions.map((definition) => [definition.name, this.#employed(definition)])),
      concurrency,
      cacheBytes,
      knownIds,
      nearMail,
    });
    recorder.note({ kind: "limit", host: name, most: concurrency });
  }

  /** The process ends between two instructions. */
  kill(underWay: InFlight): void {
    if (this.isDead) return;
    this.isDead = true;
    this.clock.stop();
    this.attachment.crash(underWay);
    for (const context of this.#running) this.#ended(context, "died");
  }

  slowDown(paceMs: number): void {
    this.#pace.paceMs = paceMs;
  }

  /** The definition with the user code that this process runs. */
  #employed(definition: Definition): Definition {
    const run = this.#codeFor(definition.name);
    if (run === undefined) return definition;
    const activities = new Map([...definition.activities].map(([name, activity]) => [name, { ...activity, run }]));
    return { ...definition, activities };
  }

  #codeFor(type: string): ((context: ActivityContext) => unknown) | undefined {
    if (Object.hasOwn(TASKS, type)) return (context) => this.#noted(context, TASKS[type as TaskType], () => this.#work(context));
    if (type === "errand") return (context) => this.#noted(context, "rerun", () => this.#errand(context as ActivityContext<Errand>));
    if (type === "undo-errand") return (context) => this.#noted(context, "rerun", () => "undone");
    if (type === "diary") return (context) => this.#noted(context, "rerun", () => this.#work(context), "chore");
    return undefined;
  }

  async #noted(context: ActivityContext, policy: Policy, work: () => unknown, activity?: string): Promise<unknown> {
    // What the promise queue of a dead process still holds is not run.
    if (this.isDead) return never();
    const { attempt, epoch } = context;
    const which = activity === undefined ? {} : { activity };
    this.#recorder.note({ kind: "begun", host: this.name, actor: formatAddress(context.actor), ...which, attempt, epoch, policy });
    this.#running.add(context);
    context.signal.addEventListener("abort", () => this.#ended(context, "aborted"));
    try {
      const output = await work();
      this.#ended(context, "returned");
      return output;
    } catch (error) {
      this.#ended(context, "threw");
      throw error;
    }
  }

  #ended(context: ActivityContext, how: "returned" | "threw" | "aborted" | "died"): void {
    if (!this.#running.delete(context)) return;
    const { attempt, epoch } = context;
    this.#recorder.note({ kind: "ended", host: this.name, actor: formatAddress(context.actor), attempt, epoch, how });
  }

  async #work(context: ActivityContext): Promise<string> {
    const { ms, failures, progress } = context.input as Work;
    if (progress === true) context.progress({ percent: 50 });
    if (ms > 0) await this.#pause(ms, context.signal);
    if (context.attempt <= failures) throw new Error(`attempt ${context.attempt} was asked to fail`);
    return `made in attempt ${context.attempt}`;
  }

  async #errand(context: ActivityContext<Errand>): Promise<string> {
    const { key, failures } = context.input;
    if (failures > 0) throw Object.assign(new Error(`${key} was asked to fail`), { retryable: failures < 2 });
    return this.#work(context);
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const alarm = this.clock.after(ms, resolve);
      signal.addEventListener("abort", () => {
        alarm.cancel();
        reject(signal.reason as Error);
      });
    });
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

const SILENT: Log = { level: "silent", child: () => SILENT, debug() {}, info() {}, warn() {}, error() {} };
