import { ask } from "./ask.ts";
import { accepted, canTake } from "./core/acceptance.ts";
import { formatAddress, type Address } from "./core/address.ts";
import { decodeBody, decodeRecord, encodeJson } from "./core/codec.ts";
import type { Definition } from "./core/definition.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { checkEvent, type ActorEvent } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import { acknowledgementOf, outcomeOf, type Outcome } from "./core/lifecycle.ts";
import { asRecord, isEnded } from "./core/record.ts";
import { validateEvent } from "./core/schema.ts";
import type { Gateway } from "./ports/gateway.ts";
import { hasEnded, queuedView, viewOf, type AskOf, type EventOf, type OutputOf, type View, type ViewOf } from "./view.ts";
import { watchActor, type WatchOptions } from "./watch.ts";

export interface WaitOptions {
  readonly timeout?: Duration;
  readonly signal?: AbortSignal;
}

const ASK_DEADLINE_MS = 5_000;
const VERB_DEADLINE_MS = 5_000;

/**
 * One actor, by its address; typed by its definition where that is known. Holding a ref costs nothing and looks nothing up. Made by
 * `client.ref`, `client.start` and their like.
 */
export class Ref<TDefinition extends Definition = Definition> {
  readonly address: Address;
  readonly #gateway: Gateway;
  readonly #definition: Definition | undefined;

  constructor(address: Address, gateway: Gateway, definition?: Definition) {
    this.address = address;
    this.#gateway = gateway;
    this.#definition = definition;
  }

  get id(): string {
    return this.address.id;
  }

  /** `type/id` */
  get key(): string {
    return formatAddress(this.address);
  }

  /** Durable before it resolves. @throws invalid_event, reserved_event, bad_payload, too_large, in_full */
  async send(event: EventOf<TDefinition>): Promise<void> {
    await this.#gateway.send("event", this.address, encodeJson(this.#checked(event)), {});
  }

  /**
   * Sends an event and awaits the answer: what the machine sends to `event.replyTo`. It leaves once its turn is stored, at least once;
   * the first one counts. Default timeout: 5 s; the event is heard all the same.
   * @throws no_answer, unknown_id, unknown_type, not_running, not_accepted, parked, what `send` throws, the signal's reason
   */
  async ask<TAnswer extends ActorEvent = ActorEvent>(event: AskOf<TDefinition>, options: WaitOptions = {}): Promise<TAnswer> {
    const timeoutMs = this.#timeoutOf(options) ?? ASK_DEADLINE_MS;
    return (await ask(this.#gateway, this.address, this.#checked(event), { timeoutMs, signal: options.signal })) as TAnswer;
  }

  /** As it was given: what its schema makes of it is made where it runs. */
  #checked(event: unknown): ActorEvent {
    const checked = checkEvent(event, this.key);
    validateEvent(this.#definition?.eventSchemas, checked, this.key);
    return checked;
  }

  /** In any state, any number of times; the first reason is kept. Resolves once the request is stored. */
  async cancel(reason?: string): Promise<void> {
    await this.#say(reason === undefined ? { type: "cancel" } : { type: "cancel", reason });
  }

  /** Takes a parked actor up again: it hears first what its machine threw at, or with `drop` never, and that becomes a dead letter. */
  async retry({ drop = false }: { readonly drop?: boolean } = {}): Promise<void> {
    await this.#say(drop ? { type: "retry", drop } : { type: "retry" });
  }

  /**
   * The actor now; undefined where there is none (any more). A queued start shows as a task's `undo` with revision 0, also where the
   * ref has nothing but a name; with an actor's definition it does not show.
   */
  async get(): Promise<ViewOf<TDefinition> | undefined> {
    const view = await this.#look();
    return this.#definition?.kind === "actor" && view?.revision === 0 ? undefined : view;
  }

  /** The same, where there must be one. @throws unknown_id */
  async snapshot(): Promise<ViewOf<TDefinition>> {
    const view = await this.get();
    if (view === undefined) throw this.#unknown();
    return view;
  }

  /** Whether its present state takes this event: guards are asked, nothing happens. @throws unknown_id, no_host where only a host knows */
  async can(event: AskOf<TDefinition>): Promise<boolean> {
    const checked = this.#checked(event);
    const record = await this.#record();
    if (this.#definition !== undefined) return canTake(this.#definition, this.address, record, checked);
    return ((await this.#verb("accepts", { event: checked })) as { readonly can: boolean }).can;
  }

  /** The types of events that its present state has transitions for, whatever their guards say. @throws as `can` */
  async accepts(): Promise<readonly string[]> {
    const record = await this.#record();
    if (this.#definition !== undefined) return accepted(this.#definition, this.address, record);
    return ((await this.#verb("accepts", {})) as { readonly accepts: readonly string[] }).accepts;
  }

  /**
   * The result, as soon as there is one. @throws unknown_id, no_answer after the timeout, task_failed, cancelled, expired
   */
  async result(options: WaitOptions = {}): Promise<OutputOf<TDefinition>> {
    const view = (await this.#first((now) => hasEnded(now as View), options)) as View;
    if (view.kind === "actor" ? view.status === "done" : view.state === "done") return view.output;
    const stopped = view.kind === "actor" && view.status === "stopped";
    const error = view.error ?? {
      name: "TroupeError",
      code: stopped ? "cancelled" : "expired",
      message: `${this.key} ${stopped ? "was stopped" : "has expired"}`,
    };
    const cause = fromErrorRecord(error, this.key);
    if (cause instanceof TroupeError) throw cause;
    const tries = view.kind === "actor" ? "" : ` after ${view.attempt} attempts`;
    throw new TroupeError("task_failed", `${this.key} failed${tries}: ${error.message}`, { about: this.key, cause });
  }

  /**
   * The first state that satisfies the predicate; for an actor whose start is queued, once it lives.
   * @throws unknown_id, no_answer after the timeout, not_running for an actor that has ended in another state, the signal's reason
   */
  async waitFor(satisfies: (view: ViewOf<TDefinition>) => boolean, options: WaitOptions = {}): Promise<ViewOf<TDefinition>> {
    return this.#first(satisfies, options);
  }

  /**
   * The actor now and after every stored change, or every turn from the start or from a revision, until its record is removed (a task
   * is `expired` then) or `signal` aborts. A queued start shows only where the definition says that it is a task's.
   * @throws unknown_id where there is none, no_answer where the history falls behind
   */
  async *watch(options: WatchOptions = {}): AsyncIterable<ViewOf<TDefinition>> {
    const now = await this.#look();
    if (now === undefined) throw this.#unknown();
    const { signal } = options;
    if (now.revision === 0 && this.#definition?.kind === "task") yield now as ViewOf<TDefinition>;
    for await (const view of watchActor(this.#gateway, this.address, options, this.#definition?.history)) {
      if (signal?.aborted === true) return;
      yield view as ViewOf<TDefinition>;
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

  /** What every actor and every task may be told. */
  async #say(event: ActorEvent): Promise<void> {
    await this.#gateway.send("event", this.address, encodeJson(event), {});
  }

  async #first(satisfies: (view: ViewOf<TDefinition>) => boolean, options: WaitOptions): Promise<ViewOf<TDefinition>> {
    const timeoutMs = this.#timeoutOf(options);
    options.signal?.throwIfAborted();
    const over = new AbortController();
    const deadline = timeoutMs === undefined ? undefined : this.#gateway.clock.after(timeoutMs, () => over.abort());
    const signal = options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal]);
    try {
      return await this.#gateway.attend(this.address, this.#firstOf(satisfies, signal, options.signal, timeoutMs));
    } finally {
      deadline?.cancel();
      over.abort();
    }
  }

  async #firstOf(
    satisfies: (view: ViewOf<TDefinition>) => boolean,
    signal: AbortSignal,
    given: AbortSignal | undefined,
    timeoutMs: number | undefined,
  ): Promise<ViewOf<TDefinition>> {
    for await (const view of this.watch({ signal })) {
      if (satisfies(view)) return view;
      const told = view as View;
      if (told.kind === "actor" && hasEnded(told))
        throw new TroupeError("not_running", `${this.key} has ended (${told.status}, ${told.state}) and will not get there`, {
          about: this.key,
        });
    }
    given?.throwIfAborted();
    if (!signal.aborted) throw this.#unknown();
    throw new TroupeError("no_answer", `${this.key} did not get there within ${timeoutMs} ms`, { about: this.key });
  }

  async #look(): Promise<View | undefined> {
    const bytes = await this.#gateway.read(this.address);
    if (bytes !== undefined) return viewOf(this.address, bytes);
    if (await this.#gateway.awaits(this.address)) return queuedView(this.address);
    // Between the two looks its start may have been taken up.
    const meanwhile = await this.#gateway.read(this.address);
    return meanwhile === undefined ? undefined : viewOf(this.address, meanwhile);
  }

  async #record() {
    const bytes = await this.#gateway.read(this.address);
    if (bytes === undefined) throw this.#unknown();
    return asRecord(decodeRecord(bytes));
  }

  async #verb(verb: string, request: object): Promise<unknown> {
    const { type, id } = this.address;
    return decodeBody(await this.#gateway.ask(`${verb}.${type}.${id}`, encodeJson(request), VERB_DEADLINE_MS), "");
  }

  #unknown(): TroupeError {
    return new TroupeError("unknown_id", `There is no ${this.#definition?.kind ?? "task"} ${this.key}`, { about: this.key });
  }

  /** @throws bad_options */
  #timeoutOf({ timeout }: WaitOptions): number | undefined {
    if (timeout === undefined) return undefined;
    const ms = parseDuration(timeout);
    if (ms === undefined) throw new TroupeError("bad_options", `"${timeout}" is not a duration`, { about: this.key });
    return ms;
  }
}
