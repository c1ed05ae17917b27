import { ask } from "./ask.ts";
import { attended } from "./attended.ts";
import { accepted, canTake } from "./core/acceptance.ts";
import { formatAddress, type Address } from "./core/address.ts";
import { decodeBody, decodeRecord, encodeJson } from "./core/codec.ts";
import type { Definition } from "./core/definition.ts";
import { checkEvent, type ActorEvent } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import { asRecord } from "./core/record.ts";
import { validateEvent } from "./core/schema.ts";
import { asAborted, isAbort, limitsOf, sendLimitsOf, type WaitOptions } from "./limits.ts";
import type { Gateway, Limits } from "./ports/gateway.ts";
import { hasEnded, queuedView, viewOf, type AskOf, type EventOf, type OutputOf, type View, type ViewOf } from "./view.ts";
import { watchActor, type WatchOptions } from "./watch.ts";

/** How an event is sent. */
export interface SendOptions extends WaitOptions {
  /** The same id again within two minutes is the same event: for a sender that does not know whether it was stored. Default: a new one. */
  readonly id?: string;
}

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

  /**
   * Durable before it resolves; sent again until then, under one id, for `timeout`.
   * @throws invalid_event, reserved_event, bad_payload, too_large, in_full, no_connection where it is not stored, no_answer where it may be
   */
  async send(event: EventOf<TDefinition>, options: SendOptions = {}): Promise<void> {
    await this.#say(this.#checked(event), options);
  }

  /**
   * Sends an event and awaits the answer: what the machine sends to `event.replyTo`. It leaves once its turn is stored, at least once;
   * the first one counts. Default timeout: 5 s; the event is heard all the same.
   * @throws no_answer, unknown_id, unknown_type, not_running, not_accepted, parked, what `send` throws, the signal's reason
   */
  async ask<TAnswer extends ActorEvent = ActorEvent>(event: AskOf<TDefinition>, options: SendOptions = {}): Promise<TAnswer> {
    const limits = { ...limitsOf(options, this.key), ...idOf(options, this.key) };
    return (await ask(this.#gateway, this.address, this.#checked(event), limits)) as TAnswer;
  }

  /** As it was given: what its schema makes of it is made where it runs. */
  #checked(event: unknown): ActorEvent {
    const checked = checkEvent(event, this.key);
    validateEvent(this.#definition?.eventSchemas, checked, this.key);
    return checked;
  }

  /** In any state, any number of times; the first reason is kept. Resolves once the request is stored. */
  async cancel(reason?: string, options: WaitOptions = {}): Promise<void> {
    await this.#say(reason === undefined ? { type: "cancel" } : { type: "cancel", reason }, options);
  }

  /** Takes a parked actor up again: it hears first what its machine threw at, or with `drop` never, and that becomes a dead letter. */
  async retry({ drop = false, ...options }: { readonly drop?: boolean } & WaitOptions = {}): Promise<void> {
    await this.#say(drop ? { type: "retry", drop } : { type: "retry" }, options);
  }

  /**
   * The actor now; undefined where there is none (any more). A queued start shows as a task's `undo` with revision 0, also where the
   * ref has nothing but a name; with an actor's definition it does not show.
   */
  async get(options: WaitOptions = {}): Promise<ViewOf<TDefinition> | undefined> {
    const view = await this.#look(limitsOf(options, this.key));
    return this.#definition?.kind === "actor" && view?.revision === 0 ? undefined : view;
  }

  /** The same, where there must be one. @throws unknown_id */
  async snapshot(options: WaitOptions = {}): Promise<ViewOf<TDefinition>> {
    const view = await this.get(options);
    if (view === undefined) throw this.#unknown();
    return view;
  }

  /** Whether its present state takes this event: guards are asked, nothing happens. @throws unknown_id, no_host where only a host knows */
  async can(event: AskOf<TDefinition>, options: WaitOptions = {}): Promise<boolean> {
    const checked = this.#checked(event);
    const limits = limitsOf(options, this.key);
    const record = await this.#record(limits);
    if (this.#definition !== undefined) return canTake(this.#definition, this.address, record, checked);
    return ((await this.#accepts({ event: checked }, limits)) as { readonly can: boolean }).can;
  }

  /** The types of events that its present state has transitions for, whatever their guards say. @throws as `can` */
  async accepts(options: WaitOptions = {}): Promise<readonly string[]> {
    const limits = limitsOf(options, this.key);
    const record = await this.#record(limits);
    if (this.#definition !== undefined) return accepted(this.#definition, this.address, record);
    return ((await this.#accepts({}, limits)) as { readonly accepts: readonly string[] }).accepts;
  }

  /**
   * The result, as soon as there is one. @throws task_failed, cancelled, expired, no_answer after the timeout, unknown_id also where the
   * record was removed before it could be read
   */
  async result(options: WaitOptions = {}): Promise<OutputOf<TDefinition>> {
    const view = (await this.#first((now) => hasEnded(now as View), options)) as View;
    if (view.kind === "task" && view.revision === 0) throw this.#forgotten();
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
    const { signal } = options;
    const limits = { timeoutMs: this.#gateway.outageMs, ...(signal === undefined ? {} : { signal }) };
    const now = await this.#look(limits).catch((error: unknown) => {
      if (!isAbort(error, signal)) throw error;
      return "over" as const;
    });
    if (now === "over") return;
    if (now === undefined) throw this.#unknown();
    if (now.revision === 0 && this.#definition?.kind === "task") yield now as ViewOf<TDefinition>;
    for await (const view of watchActor(this.#gateway, this.address, options, this.#definition?.history)) {
      if (signal?.aborted === true) return;
      yield view as ViewOf<TDefinition>;
    }
  }

  /** What every actor and every task may be told. */
  async #say(event: ActorEvent, options: SendOptions): Promise<void> {
    const limits = { ...sendLimitsOf(options, this.key), ...idOf(options, this.key) };
    await this.#gateway.send("event", this.address, encodeJson(event), {}, limits).catch(asAborted(options.signal));
  }

  async #first(satisfies: (view: ViewOf<TDefinition>) => boolean, options: WaitOptions): Promise<ViewOf<TDefinition>> {
    const limits = limitsOf(options, this.key);
    const late = (): Error =>
      new TroupeError("no_answer", `${this.key} did not get there within ${limits.timeoutMs} ms`, { about: this.key });
    return attended(this.#gateway, this.address, limits, late, async ({ signal }) => {
      for await (const view of this.watch({ signal })) {
        if (satisfies(view)) return view;
        const told = view as View;
        if (told.kind === "actor" && hasEnded(told))
          throw new TroupeError("not_running", `${this.key} has ended (${told.status}, ${told.state}) and will not get there`, {
            about: this.key,
          });
      }
      throw this.#forgotten();
    });
  }

  async #look(limits: Limits): Promise<View | undefined> {
    const bytes = await this.#gateway.read(this.address, limits);
    if (bytes !== undefined) return viewOf(this.address, bytes);
    if (await this.#gateway.awaits(this.address, limits)) return queuedView(this.address);
    // Between the two looks its start may have been taken up.
    const meanwhile = await this.#gateway.read(this.address, limits);
    return meanwhile === undefined ? undefined : viewOf(this.address, meanwhile);
  }

  async #record(limits: Limits) {
    const bytes = await this.#gateway.read(this.address, limits);
    if (bytes === undefined) throw this.#unknown();
    return asRecord(decodeRecord(bytes));
  }

  async #accepts(request: object, limits: Limits): Promise<unknown> {
    const { type, id } = this.address;
    return decodeBody(await this.#gateway.ask(`accepts.${type}.${id}`, encodeJson(request), limits), "");
  }

  #unknown(): TroupeError {
    return new TroupeError("unknown_id", `There is no ${this.#definition?.kind ?? "task"} ${this.key}`, { about: this.key });
  }

  #forgotten(): TroupeError {
    return new TroupeError("unknown_id", `${this.key} has ended, and its record was removed before it could be read`, { about: this.key });
  }
}

/** What a header can say. */
const MESSAGE_ID = /^[\x21-\x7e]{1,256}$/;

/** @throws bad_options */
function idOf({ id }: SendOptions, about: string): { readonly id?: string } {
  if (id === undefined) return {};
  if (MESSAGE_ID.test(id)) return { id };
  throw new TroupeError("bad_options", `The id of an event for ${about} must have 1 to 256 characters, without spaces`, { about });
}
