import { parseAddress, formatAddress, type Address, type StartLane } from "../core/address.ts";
import type { OwnerWord, WorkerWord } from "../core/worker-talk.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Listening, Notice, Work, WorkerCall, WorkItem } from "../ports/work.ts";
import { never, type Connection } from "./connection.ts";
import type { Server } from "./server.ts";
import type { QueuedWork } from "./work-floor.ts";

/** How long an owner may take to answer. */
const ANSWER_MS = 2_000;

/** Offered work as one host sees it. What is not a request may be lost with the connection. */
export class MemoryWork implements Work {
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #clock: Clock;
  /** What this host listens to, on the server: it ends with the connection, and begins again with the next. */
  readonly #listening = new Set<{ readonly begin: () => () => void; end: () => void }>();

  constructor(server: Server, connection: Connection, clock: Clock) {
    this.#server = server;
    this.#connection = connection;
    this.#clock = clock;
  }

  newToken(): string {
    return this.#server.work.newName("token");
  }

  ownerOf(partition: number, address: Address): string {
    return `${partition} ${formatAddress(address)}`;
  }

  attend(partition: number, heard: (call: WorkerCall) => void): Listening {
    const { work } = this.#server;
    return this.#listen(() =>
      work.attend(partition, ({ address, word, answer }) =>
        this.#connection.push(() => heard({ address, word, answer: (said) => this.#connection.tell(() => answer?.(said)) })),
      ),
    );
  }

  push(subject: string, word: OwnerWord & { readonly token: string }): void {
    this.#connection.tell(() => this.#server.work.push(subject, word));
  }

  withdraw(lane: StartLane, address: Address): void {
    this.#connection.tell(() => this.#server.work.withdraw(lane, address));
  }

  async find(lane: StartLane, address: Address): Promise<WorkItem | undefined> {
    const found = await this.#connection.request("find", () => this.#server.work.find(lane, address));
    return found === undefined ? undefined : { ...this.#item(found), acknowledge: () => this.withdraw(lane, address), giveBack() {} };
  }

  announce(notice: Notice): void {
    this.#connection.tell(() => {
      for (const heard of this.#server.work.hosts) heard(notice);
    });
  }

  hear(heard: (notice: Notice) => void): Listening {
    const { hosts } = this.#server.work;
    const arrive = (notice: Notice): void => this.#connection.push(() => heard(notice));
    return this.#listen(() => {
      hosts.add(arrive);
      return () => hosts.delete(arrive);
    });
  }

  async fetch(lane: StartLane, type: string, count: number): Promise<readonly WorkItem[]> {
    const fetched = await this.#connection.request("fetch", () => this.#server.work.fetch(lane, type, count));
    return fetched.map((work) => this.#item(work));
  }

  async ask(owner: string, word: WorkerWord): Promise<OwnerWord | undefined> {
    const connection = this.#connection;
    if (!connection.passes({ kind: "requestSent", host: connection.host, request: "ask" })) return never();
    const answered = connection.call<OwnerWord | undefined>((reply) => {
      if (!this.#say(owner, word, reply)) reply(undefined);
    });
    let deadline: Alarm | undefined;
    const late = new Promise<undefined>((resolve) => (deadline = this.#clock.after(ANSWER_MS, () => resolve(undefined))));
    const answer = await Promise.race([answered.catch(() => undefined), late]).finally(() => deadline?.cancel());
    return connection.passes({ kind: "requestAnswered", host: connection.host, request: "ask" }) ? answer : never();
  }

  tell(owner: string, word: WorkerWord): void {
    this.#connection.tell(() => void this.#say(owner, word, undefined));
  }

  listen(told: (word: OwnerWord & { readonly token: string }) => void): Listening & { readonly subject: string } {
    const { work } = this.#server;
    const subject = work.newName("inbox");
    const listening = this.#listen(() => work.listen(subject, (word) => this.#connection.push(() => told(word))));
    return { subject, close: () => listening.close() };
  }

  async report(to: Address, messageId: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
    await this.#connection.request("report", () => this.#server.publish("event", to, body, { ...headers, "Nats-Msg-Id": messageId }));
  }

  /** The connection has ended. */
  disconnected(): void {
    for (const each of this.#listening) each.end();
  }

  reconnected(): void {
    for (const each of this.#listening) each.end = each.begin();
  }

  #listen(begin: () => () => void): Listening {
    const each = { begin, end: begin() };
    this.#listening.add(each);
    return {
      close: () => {
        this.#listening.delete(each);
        each.end();
      },
    };
  }

  #say(owner: string, word: WorkerWord, answer: ((word: OwnerWord) => void) | undefined): boolean {
    const [partition = "", address = ""] = owner.split(" ");
    return this.#server.work.say(Number(partition), { address: parseAddress(address), word, answer });
  }

  #item({ sequence, lane, type, id, letter }: QueuedWork): WorkItem {
    const { work } = this.#server;
    return {
      lane,
      type,
      id,
      body: letter.body,
      header: (name) => letter.headers?.[name] ?? "",
      acknowledge: () => this.#connection.tell(() => work.acknowledge(sequence)),
      giveBack: () => this.#connection.tell(() => work.giveBack(sequence)),
    };
  }
}
