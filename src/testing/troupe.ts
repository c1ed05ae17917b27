import { formatAddress, type Address } from "../core/address.ts";
import { decodeBody } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { parseDuration, type Duration } from "../core/duration.ts";
import { HEADERS, type ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { Client } from "../client.ts";
import { VirtualClock } from "../memory/clock.ts";
import { createWorld, type World } from "../memory/world.ts";
import type { WaitOptions } from "../limits.ts";
import type { Ref } from "../ref.ts";
import { hasEnded, isIn, pathOf, type View, type ViewOf } from "../view.ts";
import type { ActorView, StatePath } from "../actor-view.ts";
import type { TaskState, TaskView } from "../task-view.ts";
import { Faults } from "./faults.ts";
import { PacedGateway } from "./gateway.ts";
import { TestHost } from "./host.ts";
import { Logbook, type LogEntry } from "./logbook.ts";
import { checkOptions, instantOf, type CheckedOptions, type TestTroupeOptions } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { reportOf } from "./report.ts";
import { Works, type Work } from "./works.ts";

/** An envelope that no actor could take. */
export interface DeadLetter {
  readonly type: string;
  readonly id: string;
  readonly code: string;
  readonly message: string;
  /** The start's input, or the event. */
  readonly body: unknown;
}

/** Every state that a ref's view can be asked for. */
export type StateOf<TDefinition extends Definition> =
  ViewOf<TDefinition> extends ActorView<infer TValue> ? StatePath<TValue> : ViewOf<TDefinition> extends TaskView ? TaskState : string;

/**
 * A whole system in this process: hosts that run your actors, a client, and a simulated server on virtual time. Nothing leaves the
 * process, nothing is shared with another troupe, and the same seed gives the same run.
 *
 * Virtual time passes while you wait (`advance`, `waitForState`, and everything of the client and its refs that returns a promise),
 * from timer to timer, and stands still otherwise. Work of yours that waits for the real world holds it back for a while (`patience`).
 * A wait that nothing can fulfil any more fails at once (`no_answer`) and says where its actor is.
 *
 * Made by `createTestTroupe`; `await using` closes it.
 */
export class TestTroupe implements AsyncDisposable {
  /** The same client as `connect` makes. */
  readonly client: Client;
  readonly faults: Faults;
  readonly #options: CheckedOptions;
  readonly #clock: VirtualClock;
  readonly #world: World;
  readonly #works: Works;
  readonly #pacer: Pacer;
  readonly #gateway: PacedGateway;
  readonly #log = new Logbook();
  readonly #hosts: TestHost[] = [];
  /** Of the newest host: what a report is made by. */
  #definitions: readonly Definition[];
  readonly #workEnded = new Set<(host: TestHost, work: Work) => void>();

  /** @throws bad_options listing every fault */
  constructor(options: TestTroupeOptions) {
    this.#options = checkOptions(options);
    const { epochMs, patienceMs, definitions, seed, partitions, hosts } = this.#options;
    this.#definitions = definitions;
    this.#clock = new VirtualClock(epochMs);
    this.#world = createWorld({ clock: this.#clock, seed, partitions });
    this.#works = new Works(this.#clock, patienceMs);
    this.#pacer = new Pacer(this.#clock, this.#works, patienceMs, () => this.#world.isTidy);
    this.#world.onStep(({ kind }) => {
      if (kind === "delivered" || kind === "commitSent" || kind === "published" || kind === "claimed") this.#pacer.stir();
    });
    const { gateway, connection } = this.#world.openGateway("client");
    this.#gateway = new PacedGateway(gateway, this.#pacer, (address) => this.#report(address));
    this.client = new Client(this.#gateway);
    this.faults = new Faults({ world: this.#world, pacer: this.#pacer, client: connection, hosts: () => this.#hosts });
    for (let i = 0; i < hosts; i++) this.startHost();
  }

  /** Every host that was ever started, dead ones included, in the order of their start. */
  get hosts(): readonly TestHost[] {
    return this.#hosts;
  }

  /** Virtual time, epoch ms. */
  get now(): number {
    return this.#clock.now();
  }

  /** One more host; with other definitions it is a deploy. @throws bad_options */
  startHost(actors?: readonly Definition[]): TestHost {
    this.#definitions = actors === undefined ? this.#options.definitions : checkOptions({ actors }).definitions;
    const host = new TestHost({
      id: `host-${this.#hosts.length}`,
      world: this.#world,
      clock: this.#clock,
      pacer: this.#pacer,
      works: this.#works,
      gateway: this.#gateway,
      definitions: this.#definitions,
      concurrency: this.#options.concurrency,
      log: this.#log,
      workEnded: (ended, work) => {
        for (const listener of this.#workEnded) listener(ended, work);
      },
    });
    this.#hosts.push(host);
    this.#pacer.stir();
    return host;
  }

  /** Lets so much virtual time pass; timers that become due fire in their order, and all that follows happens. @throws bad_options */
  async advance(by: Duration): Promise<void> {
    const ms = parseDuration(by);
    if (ms === undefined) throw new TroupeError("bad_options", `"${by}" is not a duration such as "30s" or "365d"`);
    await this.#pacer.pass(ms);
  }

  /** Lets virtual time pass until an instant: epoch ms, RFC 3339 or a Date. One that has passed only settles. @throws bad_options */
  async advanceTo(at: number | string | Date): Promise<void> {
    await this.#pacer.pass(Math.max(0, instantOf(at) - this.now));
  }

  /** Everything that can happen now happens; no virtual time passes. */
  settle(): Promise<void> {
    return this.#pacer.pass(0);
  }

  /** For tasks and mocks: ends after so much virtual time, or with the signal of the task whose time it is. @throws the signal's reason, bad_options */
  async sleep(duration: Duration, signal?: AbortSignal): Promise<void> {
    const ms = parseDuration(duration);
    if (ms === undefined) throw new TroupeError("bad_options", `"${duration}" is not a duration such as "30s"`);
    await this.#works.sleep(ms, signal);
  }

  /**
   * Lets virtual time pass until the actor is in a state, such as `paying` or `paying.asked`.
   * @throws no_answer, not_running where it has ended elsewhere, unknown_id: each says where it is and what it waits for
   */
  async waitForState<TDefinition extends Definition>(
    ref: Ref<TDefinition>,
    state: StateOf<TDefinition>,
    options: WaitOptions = {},
  ): Promise<ViewOf<TDefinition>> {
    const isThere = (view: ViewOf<TDefinition>): boolean => isIn(view as View, state);
    const isOver = (view: ViewOf<TDefinition>): boolean => hasEnded(view as View) && state !== "expired";
    const failed = (code: TroupeError["code"], why: string, cause?: unknown): TroupeError =>
      new TroupeError(code, `${ref.key} does not come to "${state}": ${why}\n${this.#report(ref.address)}`, { about: ref.key, cause });
    let view: ViewOf<TDefinition>;
    try {
      view = await ref.waitFor((now) => isThere(now) || isOver(now), options);
    } catch (error) {
      if (!(error instanceof TroupeError)) throw error;
      throw failed(error.code, error.message.split("\n", 1)[0] ?? "", error);
    }
    if (!isThere(view)) throw failed("not_running", `it has ended in ${pathOf(view as View)}`);
    return view;
  }

  /** Where an actor is and what it waits for, in words. */
  describe(ref: { readonly address: Address } | Address): string {
    return this.#report("address" in ref ? ref.address : ref);
  }

  /** What nobody could take, oldest first. */
  get deadLetters(): readonly DeadLetter[] {
    return this.#world.deadLetters.map(({ address, letter }) => {
      const { code, message } = JSON.parse(letter.headers?.[HEADERS.reason] ?? "{}") as { code: string; message: string };
      return { ...address, code, message, body: bodyOf(letter.body) };
    });
  }

  /** What actors have emitted and was published, oldest first. */
  get emitted(): readonly { readonly from: Address; readonly event: ActorEvent }[] {
    return this.#world.outgoing.flatMap((each) =>
      each.kind === "event" ? [{ from: each.from, event: decodeBody(each.body, "") as ActorEvent }] : [],
    );
  }

  /** What hosts and machines have logged, oldest first. */
  get logged(): readonly LogEntry[] {
    return this.#log.entries;
  }

  /** Everything of it stops: hosts leave as if killed, and whoever still waits does so for ever. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) host.kill("lost");
    // In this order: whoever waits is not told of the end.
    await this.#pacer.close();
    await this.#gateway.close();
  }

  /** For `everyCrash`: the world, and the ends of user code. @internal */
  observe(observer: { readonly world: (world: World) => void; readonly workEnded: (host: TestHost, work: Work) => void }): void {
    observer.world(this.#world);
    // Of hosts that run already and of those to come.
    this.#workEnded.add(observer.workEnded);
  }

  #report(address: Address): string {
    const { deadLetters } = this;
    return reportOf(
      {
        now: this.now,
        hosts: this.#hosts,
        works: this.#works.all,
        warnings: this.#log.warnings,
        deadLetters: deadLetters.map((letter) => ({ ...letter, key: formatAddress(letter), body: JSON.stringify(letter.body) ?? "" })),
        read: (each) => this.#world.read(each),
        awaits: (each) => this.#world.awaits(each),
        definition: (type) => this.#definitions.find(({ name }) => name === type),
      },
      address,
    );
  }
}

/**
 * A system of your actors for one test. Hosts join as soon as somebody waits.
 * @throws bad_options listing every fault
 */
export function createTestTroupe(options: TestTroupeOptions): TestTroupe {
  return new TestTroupe(options);
}

function bodyOf(body: Uint8Array): unknown {
  try {
    return decodeBody(body, "");
  } catch {
    return Buffer.from(body).toString("utf8");
  }
}
