import type { Address, Lane } from "../core/address.ts";
import { formatAddress } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Over } from "../core/over.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  ConnectionState,
  Gateway,
  GatewayListener,
  Limits,
  SendLimits,
  StateChange,
  StoredDeadLetter,
  StoredTurn,
} from "../ports/gateway.ts";
import type { Pacer, Stuck } from "./pacer.ts";

/** What is said of an actor in a wait that cannot be fulfilled. */
export type Describe = (address: Address) => string;

/**
 * A gateway whose promises let virtual time pass while somebody waits for them, and fail where they cannot be fulfilled.
 *
 * Owns: nothing. Calls in: the client, hosts that answer verbs. Calls out: the memory gateway, the pacer.
 */
export class PacedGateway implements Gateway {
  readonly #inner: Gateway;
  readonly #pacer: Pacer;
  readonly #describe: Describe;

  constructor(inner: Gateway, pacer: Pacer, describe: Describe) {
    this.#inner = inner;
    this.#pacer = pacer;
    this.#describe = describe;
  }

  get maxBodyBytes(): number {
    return this.#inner.maxBodyBytes;
  }

  get clock(): Clock {
    return this.#inner.clock;
  }

  newId(): string {
    return this.#inner.newId();
  }

  get callMs(): number {
    return this.#inner.callMs;
  }

  get outageMs(): number {
    return this.#inner.outageMs;
  }

  get connection(): ConnectionState {
    return this.#inner.connection;
  }

  listen(listener: GatewayListener): () => void {
    return this.#inner.listen(listener);
  }

  within<T>(limits: Limits, late: () => Error, work: (over: Over) => Promise<T>): Promise<T> {
    return this.#inner.within(limits, late, work);
  }

  attend<T>(about: Address | undefined, wait: Promise<T>): Promise<T> {
    return this.#pacer.during(wait, "answer", (why) => this.#stuck(about, why));
  }

  send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>, limits?: SendLimits): Promise<void> {
    return this.attend(to, this.#inner.send(lane, to, body, headers, limits));
  }

  read(address: Address, limits?: Limits): Promise<Uint8Array | undefined> {
    return this.attend(address, this.#inner.read(address, limits));
  }

  awaits(address: Address, limits?: Limits): Promise<boolean> {
    return this.attend(address, this.#inner.awaits(address, limits));
  }

  watch(address: Address, signal?: AbortSignal): AsyncIterable<StateChange> {
    return this.#paced(this.#inner.watch(address, signal), "watch", address);
  }

  records(filter: { readonly type?: string }, limits?: Limits): AsyncIterable<StateChange> {
    return this.#paced(this.#inner.records(filter, limits), "answer", { type: filter.type ?? "*", id: "*" });
  }

  turns(address: Address, after: number, signal?: AbortSignal): AsyncIterable<StoredTurn> {
    return this.#paced(this.#inner.turns(address, after, signal), "answer", address);
  }

  expect(heard: (body: Uint8Array) => void): { readonly subject: string; forget(): void } {
    return this.#inner.expect(heard);
  }

  ask(verb: string, body: Uint8Array, limits?: Limits): Promise<Uint8Array> {
    const [, type = "*", id = "*"] = verb.split(".");
    return this.attend({ type, id }, this.#inner.ask(verb, body, limits));
  }

  deadLetters(filter: { readonly type?: string; readonly id?: string }, limits?: Limits): AsyncIterable<StoredDeadLetter> {
    return this.#paced(this.#inner.deadLetters(filter, limits), "answer", { type: filter.type ?? "*", id: filter.id ?? "*" });
  }

  discard(address: Address, name: string): Promise<boolean> {
    return this.attend(address, this.#inner.discard(address, name));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async *#paced<T>(all: AsyncIterable<T>, kind: "answer" | "watch", about: Address): AsyncIterable<T> {
    const each = all[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#pacer.during(each.next(), kind, (why) => this.#stuck(about, why));
        if (done === true) return;
        yield value;
      }
    } finally {
      // Not awaited: it may wait for a change that does not come.
      void each.return?.();
    }
  }

  #stuck(address: Address | undefined, why: Stuck): TroupeError {
    if (address === undefined) return new TroupeError("no_answer", `What is waited for does not come: ${why}`);
    const about = formatAddress(address);
    return new TroupeError("no_answer", `What is waited for of ${about} does not come: ${why}\n${this.#describe(address)}`, { about });
  }
}
