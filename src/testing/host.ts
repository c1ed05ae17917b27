import { encodeJson } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { parseDuration, type Duration } from "../core/duration.ts";
import { TroupeError } from "../core/errors.ts";
import { Client } from "../client.ts";
import { viewHosts } from "../host-view.ts";
import type { Attachment } from "../memory/attachment.ts";
import type { InFlight } from "../memory/link.ts";
import { ProcessClock } from "../memory/process-clock.ts";
import type { World } from "../memory/world.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gateway } from "../ports/gateway.ts";
import type { Log } from "../ports/log.ts";
import { labelsOf } from "../runtime/abilities.ts";
import { Host } from "../runtime/host.ts";
import { verbsOf } from "../verbs.ts";
import type { Pacer } from "./pacer.ts";
import type { Home, Work, Works } from "./works.ts";

export interface TestHostParts {
  readonly id: string;
  readonly world: World;
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly works: Works;
  readonly gateway: Gateway;
  readonly definitions: readonly Definition[];
  readonly concurrency: number;
  readonly log: Log;
  readonly workEnded: (host: TestHost, work: Work) => void;
}

/** All hosts of a troupe are of one. */
const RELEASE = "0.0.0";
const CACHE_BYTES = 16 * 1024 * 1024;
const DEFAULT_DRAIN_MS = 30_000;
/**
 * How many rounds of the clock's queue `soon` lets pass. A real process runs all promise reactions first; the virtual clock runs one
 * between two rounds. So short work ends before its first commit, as it does there.
 */
const ROUNDS_OF_SOON = 12;

/** One host of a test troupe, as a process that may die, freeze and lose its connection. Made by `createTestTroupe` and `startHost`. */
export class TestHost implements Home {
  readonly id: string;
  readonly clock: ProcessClock;
  readonly #parts: TestHostParts;
  readonly #attachment: Attachment;
  readonly #host: Host;
  readonly #silence: () => void;
  readonly #joined: Promise<void>;
  #phase: "running" | "frozen" | "left" | "dead" = "running";

  /** Joins at once: what it asks of the server is answered as soon as somebody waits. */
  constructor(parts: TestHostParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.clock = new ProcessClock(parts.clock);
    this.#attachment = parts.world.attach(parts.id, this.clock);
    const { store, mailbox, leases, outlet, work } = this.#attachment;
    const definitions = new Map(parts.definitions.map((each) => [each.name, parts.works.observed(each, this)]));
    this.#host = new Host({
      id: parts.id,
      partitions: parts.world.partitions,
      store,
      mailbox,
      leases,
      outlet,
      work,
      clock: afterReactions(this.clock),
      log: parts.log.child({ host: parts.id }),
      definitions,
      concurrency: parts.concurrency,
      // Whatever its actors need: where work of some labels runs is not what is tested.
      labels: [...new Set(parts.definitions.flatMap(labelsOf))],
      release: RELEASE,
      cacheBytes: CACHE_BYTES,
    });
    this.#silence = this.#answerVerbs(definitions);
    this.#joined = this.#host.start().catch((error: unknown) => parts.log.error({ host: parts.id, err: error }, "the host could not join"));
  }

  /** `left` after `stop` or `drain`. */
  get phase(): "running" | "frozen" | "left" | "dead" {
    return this.#phase;
  }

  get isConnected(): boolean {
    return this.#attachment.phase === "up";
  }

  get isDead(): boolean {
    return this.#phase === "dead";
  }

  /**
   * The process ends between two instructions, as by kill -9. Of what it has sent, a first part may still arrive: as long as the seed
   * says, or all of it, or nothing. Its user code cannot be stopped and may run on, but nothing comes of it.
   */
  kill(underWay: InFlight = "seeded"): void {
    if (this.#phase === "dead") return;
    this.#phase = "dead";
    this.#silence();
    this.clock.stop();
    this.#attachment.crash(underWay);
    this.#parts.pacer.stir("fault");
  }

  /** Nothing of it runs until `thaw`, as after a SIGSTOP; others take its partitions once its leases have lapsed. */
  freeze(): void {
    if (this.#phase !== "running") return;
    this.#phase = "frozen";
    this.clock.freeze();
    this.#parts.pacer.stir("fault");
  }

  /** It goes on where it was, and does not know how late it is. */
  thaw(): void {
    if (this.#phase !== "frozen") return;
    this.#phase = "running";
    this.clock.thaw();
    this.#parts.pacer.stir("fault");
  }

  /** Its connection breaks: what is under way arrives as with `kill`, requests fail until `reconnect`. */
  disconnect(underWay: InFlight = "seeded"): void {
    this.#attachment.disconnect(underWay);
    this.#parts.pacer.stir("fault");
  }

  reconnect(): void {
    this.#attachment.reconnect();
    this.#parts.pacer.stir("fault");
  }

  /** Leaves at once, as `host.stop()` does: what runs is aborted, and goes on elsewhere by its crash policy. */
  async stop(): Promise<void> {
    this.#silence();
    await this.#leaves(this.#joined.then(() => this.#host.stop()));
  }

  /** Finishes what runs, for at most `timeout` (30 s), then leaves: a deploy. @throws bad_options */
  async drain(timeout: Duration = DEFAULT_DRAIN_MS): Promise<void> {
    const ms = parseDuration(timeout);
    if (ms === undefined) throw new TroupeError("bad_options", `"${timeout}" is not a duration`, { about: this.id });
    this.#silence();
    await this.#leaves(this.#joined.then(() => this.#host.drain(ms)));
  }

  workEnded(work: Work): void {
    this.#parts.workEnded(this, work);
  }

  async #leaves(left: Promise<void>): Promise<void> {
    const stuck = () => new TroupeError("no_answer", `${this.id} does not leave: it is ${this.#phase}`, { about: this.id });
    await this.#parts.pacer.during(left, "answer", stuck);
    if (this.#phase !== "dead") this.#phase = "left";
    this.#parts.pacer.stir("fault");
  }

  #answerVerbs(definitions: ReadonlyMap<string, Definition>): () => void {
    const { gateway, world, id } = this.#parts;
    const { stage, partitions } = this.#host;
    const { leases } = this.#attachment;
    const statistics = () => ({
      id,
      types: [...definitions.keys()],
      running: stage.running,
      finished: stage.finished,
      partitions: partitions.map(({ number, phase }) => ({ number, phase })),
    });
    const verbs = verbsOf({ client: new Client(gateway), gateway, definitions, statistics, hosts: () => viewHosts(leases) });
    return world.answer(async (subject, body) => {
      const [name = "", ...tokens] = subject.split(".");
      const found = verbs.get(name);
      if (found === undefined) throw new TroupeError("no_host", `Nobody answers ${subject}: there is no such verb`, { about: subject });
      return encodeJson((await found.verb(tokens, body)) ?? null);
    });
  }
}

function afterReactions(clock: ProcessClock): Clock {
  const hop = (left: number, action: () => void): void => clock.soon(() => (left > 0 ? hop(left - 1, action) : action()));
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, action) => clock.after(delayMs, action),
    every: (everyMs, action) => clock.every(everyMs, action),
    soon: (action) => hop(ROUNDS_OF_SOON, action),
  };
}
