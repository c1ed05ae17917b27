import { formatAddress, type Address } from "./core/address.ts";
import { asRecord, isEnded } from "./core/record.ts";
import { decodeRecord, encodeJson } from "./core/codec.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { checkEvent, type ActorEvent } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import { acknowledgementOf, outcomeOf, type Outcome } from "./core/lifecycle.ts";
import type { Gateway } from "./ports/gateway.ts";
import { expiredView, hasEnded, queuedView, viewOf, type TaskView } from "./view.ts";

/** One task, by its address. Holding a ref costs nothing and looks nothing up. */
export class Ref<TOutput = unknown> {
  readonly address: Address;
  readonly #gateway: Gateway;

  constructor(address: Address, gateway: Gateway) {
    this.address = address;
    this.#gateway = gateway;
  }

  get id(): string {
    return this.address.id;
  }

  /** `type/id` */
  get key(): string {
    return formatAddress(this.address);
  }

  /** Durable before it resolves. @throws reserved_event, bad_payload, too_large, in_full */
  async send(event: ActorEvent): Promise<void> {
    checkEvent(event, this.key);
    await this.#gateway.send("event", this.address, encodeJson(event), {});
  }

  /** In any state, any number of times; the first reason is kept. Resolves once the request is stored. */
  async cancel(reason?: string): Promise<void> {
    await this.send(reason === undefined ? { type: "cancel" } : { type: "cancel", reason });
  }

  /** Takes a parked task up again. */
  async retry(): Promise<void> {
    await this.send({ type: "retry" });
  }

  /** The task now; undefined where there is none (any more). */
  async get(): Promise<TaskView<TOutput> | undefined> {
    const bytes = await this.#gateway.read(this.address);
    if (bytes !== undefined) return viewOf<TOutput>(this.address, bytes);
    if (await this.#gateway.awaits(this.address)) return queuedView(this.address) as TaskView<TOutput>;
    // Between the two looks its start may have been taken up.
    const meanwhile = await this.#gateway.read(this.address);
    return meanwhile === undefined ? undefined : viewOf<TOutput>(this.address, meanwhile);
  }

  /**
   * The result, as soon as there is one. @throws unknown_id, no_answer after the timeout, task_failed, cancelled, expired
   */
  async result(options: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {}): Promise<TOutput> {
    const view = await this.waitFor(hasEnded, options);
    if (view.state === "done") return view.output as TOutput;
    const error = view.error ?? { name: "TroupeError", code: "expired", message: `${this.key} has expired` };
    const cause = fromErrorRecord(error, this.key);
    if (cause instanceof TroupeError) throw cause;
    throw new TroupeError("task_failed", `${this.key} failed after ${view.attempt} attempts: ${error.message}`, { about: this.key, cause });
  }

  /** The first state that satisfies the predicate. @throws unknown_id, no_answer */
  async waitFor(
    satisfies: (view: TaskView<TOutput>) => boolean,
    options: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {},
  ): Promise<TaskView<TOutput>> {
    const timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout);
    const signals = [options.signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)].filter(
      (signal) => signal !== undefined,
    );
    const signal = AbortSignal.any(signals);
    for await (const view of this.watch({ signal })) if (satisfies(view)) return view;
    options.signal?.throwIfAborted();
    throw new TroupeError("no_answer", `${this.key} did not get there within ${timeoutMs} ms`, { about: this.key });
  }

  /**
   * The task now and after every stored change, until it has expired or `signal` aborts. A task that is queued shows as `undo`.
   * @throws unknown_id where there is none
   */
  async *watch(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<TaskView<TOutput>> {
    const now = await this.get();
    if (now === undefined) throw new TroupeError("unknown_id", `There is no task ${this.key}`, { about: this.key });
    let shown = -1;
    if (now.revision === 0) yield now;
    for await (const { bytes } of this.#gateway.watch(this.address, options)) {
      if (bytes === undefined) {
        yield expiredView(this.address) as TaskView<TOutput>;
        return;
      }
      const view = viewOf<TOutput>(this.address, bytes);
      if (view.revision <= shown) continue;
      shown = view.revision;
      yield view;
    }
  }

  /** How it ended, or that it was acknowledged early; undefined before. */
  async outcomeNow(): Promise<Outcome | undefined> {
    const bytes = await this.#gateway.read(this.address);
    if (bytes === undefined) return undefined;
    const record = asRecord(decodeRecord(bytes));
    const { type, id } = this.address;
    return isEnded(record) ? outcomeOf(type, id, record) : acknowledgementOf(type, id, record);
  }
}
