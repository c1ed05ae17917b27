import { formatAddress, type Address } from "../core/address.ts";
import type { Activity, ActivityContext, ActivityLink, ActivityLog } from "../core/definition.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import type { RefText } from "../core/ref.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import type { Turnover } from "./turnover.ts";

/** What an attempt needs of its host. */
export interface AttemptHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly turnover: Pick<Turnover, "began" | "ended">;
  progress(actor: Address, value: unknown): void;
  /** The work says something to its actor. */
  told(activation: Activation, attempt: Attempt, event: ActorEvent): void;
  /** The work sends something by a reference; `message` tells it from all else that is sent. */
  sent(activation: Activation, attempt: Attempt, to: RefText, event: ActorEvent, message: string): void;
}

export interface AttemptOptions {
  /** Undefined for work of another host's actor: it says nothing to it but how it ended. */
  readonly activation: Activation | undefined;
  readonly actor: Address;
  readonly name: string;
  readonly activity: Activity;
  readonly input: unknown;
  readonly attempt: number;
  readonly generation: number;
  readonly epoch: number;
  readonly watched: boolean;
  readonly holds: Hold[];
}

export type AttemptEnd = { readonly kind: "done"; readonly output: unknown } | { readonly kind: "failed"; readonly error: unknown };

/**
 * One try of an activity: user code, with its signal, limits and log. Ends exactly once: by its result, its error, a limit, or by
 * being aborted, after which nothing it returns is looked at.
 * The signal, the log and the rest are made when they are asked for, because most short work asks for none.
 */
export class Attempt implements ActivityContext, ActivityLink {
  readonly actor: Address;
  readonly input: unknown;
  readonly attempt: number;
  readonly epoch: number;
  /** The machine's id for it. */
  readonly name: string;
  readonly generation: number;
  /** The deliveries that stay unacknowledged until what this attempt brings is committed. */
  readonly holds: Hold[];
  readonly #options: AttemptOptions;
  readonly #host: AttemptHost;
  #heard: ((event: ActorEvent) => void) | undefined;
  #early: ActorEvent[] | undefined;
  /** It may last as long as its actor, and does so without a slot. */
  isLasting = false;
  /** Whether it holds one of the host's slots. */
  hasSlot = false;
  /** Whether it may begin: its turn is stored, or a crash may re-run it anyway (invariant 2). */
  isCleared = false;
  /** `prepared` until user code runs, `ended` once its end was told or it was aborted. */
  phase: "prepared" | "running" | "ended" = "prepared";
  #controller: AbortController | undefined;
  #abortReason: TroupeError | undefined;
  #log: ActivityLog | undefined;
  #limit: Alarm | undefined;
  #silence: Alarm | undefined;
  #lastBeat = 0;
  #beats = 0;
  #sends = 0;
  #gust = 0;
  #end: ((end: AttemptEnd) => void) | undefined;

  constructor(options: AttemptOptions, host: AttemptHost) {
    this.#options = options;
    this.#host = host;
    this.actor = options.actor;
    this.name = options.name;
    this.input = options.input;
    this.attempt = options.attempt;
    this.epoch = options.epoch;
    this.generation = options.generation;
    this.holds = options.holds;
  }

  /** A crash of its host does not end it for good. */
  get mayRepeat(): boolean {
    return this.#options.activity.onCrash === "rerun";
  }

  /** Starts the work; `end` is called once, never while `begin` runs. */
  begin(end: (end: AttemptEnd) => void): void {
    const { activity } = this.#options;
    this.phase = "running";
    this.#end = end;
    if (!this.isLasting) this.#gust = this.#host.turnover.began();
    if (activity.timeoutMs !== undefined)
      this.#limit = this.#host.clock.after(activity.timeoutMs, () =>
        this.#timeOut(`took longer than its timeout of ${activity.timeoutMs} ms`),
      );
    if (activity.heartbeatTimeoutMs !== undefined) this.#watchSilence(activity.heartbeatTimeoutMs);
    void this.#work(activity);
  }

  /** Ends the attempt without a result; user code learns it from its signal. */
  abort(reason: TroupeError): void {
    this.#finish();
    this.#end = undefined;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  // Not methods: user code takes its context apart, `({ progress }) => …`.
  get progress(): (value: unknown) => void {
    return (value) => {
      if (this.#end !== undefined) this.#host.progress(this.actor, value);
    };
  }

  get heartbeat(): () => void {
    return () => {
      this.#lastBeat = this.#host.clock.monotonic();
      this.#beats++;
    };
  }

  get watched(): boolean {
    return this.#options.watched;
  }

  /** Told after what is happening now: the turn that began this attempt may not be over. */
  tell(event: ActorEvent): void {
    const { activation } = this.#options;
    if (activation === undefined) return;
    queueMicrotask(() => {
      if (this.phase === "running") this.#host.told(activation, this, event);
    });
  }

  send(to: RefText, event: ActorEvent): void {
    const { actor, epoch, generation, attempt } = this;
    const { activation } = this.#options;
    if (activation === undefined) return;
    const message = `${formatAddress(actor)}:${epoch}:${generation}:${attempt}:${this.#sends++}`;
    queueMicrotask(() => {
      if (this.phase === "running") this.#host.sent(activation, this, to, event, message);
    });
  }

  listen(heard: (event: ActorEvent) => void): void {
    this.#heard = heard;
    for (const event of this.#early ?? []) heard(event);
    this.#early = undefined;
  }

  /** An event for the work. Kept until it listens. */
  deliver(event: ActorEvent): void {
    if (this.phase === "ended") return;
    if (this.#heard === undefined) (this.#early ??= []).push(event);
    else this.#heard(event);
  }

  get log(): ActivityLog {
    this.#log ??= this.#host.log.child({ actor: `${this.actor.type}/${this.actor.id}`, attempt: this.attempt });
    return this.#log;
  }

  async #work(activity: Activity): Promise<void> {
    try {
      const output = await activity.run(this);
      this.#settle({ kind: "done", output });
    } catch (error) {
      this.#settle({ kind: "failed", error });
    }
  }

  #settle(end: AttemptEnd): void {
    const tell = this.#end;
    if (tell === undefined) return;
    this.#end = undefined;
    this.#finish();
    tell(end);
  }

  #finish(): void {
    if (this.phase === "running" && !this.isLasting) this.#host.turnover.ended(this.#gust);
    this.phase = "ended";
    this.#limit?.cancel();
    this.#silence?.cancel();
  }

  #timeOut(words: string): void {
    const about = `${this.actor.type}/${this.actor.id}`;
    const error = new TroupeError("timeout", `Attempt ${this.attempt} of ${about} ${words}`, { about });
    this.#settle({ kind: "failed", error });
    this.#abortReason = error;
    this.#controller?.abort(error);
  }

  /** An alarm that rings and finds no newer beat than the one that it was set for: the silence has lasted. */
  #watchSilence(heartbeatTimeoutMs: number): void {
    const { clock } = this.#host;
    this.#lastBeat = clock.monotonic();
    const listen = (delayMs: number): void => {
      const heard = this.#beats;
      this.#silence = clock.after(delayMs, () => {
        if (this.#beats === heard) this.#timeOut(`gave no heartbeat for ${heartbeatTimeoutMs} ms`);
        else listen(heartbeatTimeoutMs - (clock.monotonic() - this.#lastBeat));
      });
    };
    listen(heartbeatTimeoutMs);
  }
}
