import { encodeJson } from "../../src/core/codec.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { TroupeError } from "../../src/core/errors.ts";
import { START_LANES, type Lane, type StartLane } from "../../src/core/address.ts";
import { FAMILIES } from "./cast.ts";
import type { Cluster } from "./cluster.ts";
import { names, statesOf, typeOf } from "./expectations.ts";
import type { Job, JobOf, Loss, Say } from "./scenario.ts";

/** A client that heard nothing sends the same again after this. */
const SEND_AGAIN_MS = 400;

interface Message {
  readonly lane: Lane;
  readonly body: unknown;
  readonly headers?: () => Readonly<Record<string, string>>;
  /** What the actor has in its `heard` once it has heard it. */
  readonly heard?: string;
}

/** Does one job from outside: starts an actor and tells it what it is to be told, one after the other, until each is accepted. */
export class Client {
  readonly #cluster: Cluster;
  readonly #job: Job;
  readonly actor: string;
  readonly #type: string;
  #sends = 0;
  #said = 0;
  /** Whether everything was accepted. */
  isDone = false;

  constructor(cluster: Cluster, job: Job) {
    this.#cluster = cluster;
    this.#job = job;
    this.#type = typeOf(job);
    this.actor = `${this.#type}/${job.id}`;
    cluster.clock.after(job.atMs, () => void this.#play().then(() => (this.isDone = true)));
  }

  async #play(): Promise<void> {
    const job = this.#job;
    switch (job.kind) {
      case "task":
        return this.#task(job);
      case "burst":
        return this.#burst(job);
      case "diary":
        return this.#diary(job);
      case "family": {
        const { shape, questions, ms, losses } = job;
        const { jobs } = FAMILIES[shape] as (typeof FAMILIES)[number];
        const answers = Array.from({ length: questions + 1 }, (_, n) => `echo#${n}`);
        const ends = Array.from({ length: jobs }, (_, n) => `job${n}.end#0`);
        this.#expect(["over"], [...answers, ...ends, "echo.end#0"]);
        return this.#start({ questions, ms }, losses);
      }
      case "swapper":
        this.#expect(["over"], ["part#0"]);
        await this.#start({ ms: job.ms }, job.losses);
        return this.#say(job.says);
      case "crew":
      case "grove":
        return this.#crowned(job);
      case "trip": {
        const { errands, losses, cancelAfterMs } = job;
        const isSure = cancelAfterMs === undefined && errands.every(({ failures }) => failures === 0);
        this.#expect(isSure ? ["done"] : ["done", "failed"]);
        await this.#start({ errands }, losses);
        if (cancelAfterMs !== undefined) await this.#cancel(cancelAfterMs);
      }
    }
  }

  async #task(job: JobOf<"task">): Promise<void> {
    const { lane, ms, failures, delayMs, deadlineMs, cancelAfterMs, againAfterMs, retryAfterMs, losses } = job;
    this.#expect(statesOf(job));
    const headers = (): Readonly<Record<string, string>> => ({
      ...(delayMs === 0 ? {} : { [HEADERS.delay]: String(delayMs) }),
      ...(deadlineMs === undefined ? {} : { [HEADERS.deadline]: String(this.#cluster.clock.now() + deadlineMs) }),
      [HEADERS.replyTo]: `inbox.${job.id}`,
    });
    const input = { ms, failures, progress: failures > 0 };
    await this.#start(input, losses, { lane, headers });
    if (cancelAfterMs !== undefined) await this.#cancel(cancelAfterMs);
    if (againAfterMs !== undefined) {
      await this.#pause(againAfterMs);
      await this.#send({ lane: "normal", body: input }, []);
    }
    if (retryAfterMs !== undefined) {
      await this.#pause(retryAfterMs);
      await this.#send({ lane: "event", body: { type: "retry" } }, []);
    }
  }

  /** Nothing is known of these but their number: whoever counts looks at all of the type. */
  async #burst({ id, type, count, ms }: JobOf<"burst">): Promise<void> {
    const states = type === "fail" ? ["done", "failed"] : type === "few" ? ["done", "parked"] : ["done"];
    this.#expect(states);
    for (let i = 1; i < count; i++) {
      this.#cluster.recorder.note({ kind: "expected", actor: `${type}/${id}-${i}`, states });
      await this.#send({ lane: START_LANES[i % START_LANES.length] as StartLane, body: { ms, failures: 0 } }, [], `${id}-${i}`);
    }
    await this.#start({ ms, failures: 0 }, []);
  }

  async #diary({ losses, says }: JobOf<"diary">): Promise<void> {
    this.#expect(["closed"], names(says.filter(({ what }) => what !== "boom").length + 1));
    await this.#start(undefined, losses);
    await this.#say([...says, { afterMs: 0, what: "close", losses: [] }]);
  }

  async #crowned({ losses, says }: JobOf<"crew" | "grove">): Promise<void> {
    this.#expect(["closed"], names(says.length + 1));
    await this.#start(undefined, losses);
    await this.#say([...says, { afterMs: 1_000, what: "close", losses: [] }]);
  }

  #expect(states: readonly string[], heard?: readonly string[]): void {
    this.#cluster.recorder.note({ kind: "expected", actor: this.actor, states, ...(heard === undefined ? {} : { heard }) });
  }

  async #cancel(afterMs: number): Promise<void> {
    await this.#pause(afterMs);
    await this.#send({ lane: "event", body: { type: "cancel" } }, []);
  }

  #start(input: unknown, losses: readonly Loss[], more: Partial<Message> = {}): Promise<void> {
    return this.#send({ lane: "normal", body: input, ...more }, losses);
  }

  async #say(says: readonly Say[]): Promise<void> {
    for (const { afterMs, what, losses, ...more } of says) {
      await this.#pause(afterMs);
      if (what === "boom") {
        await this.#boom(losses);
        continue;
      }
      const heard = `client#${this.#said++}`;
      const headers = what === "ask" ? { headers: () => ({ [HEADERS.replyTo]: `asks.${this.#job.id}.${heard}` }) } : {};
      const body = { type: what, name: heard, ...(more.to === undefined ? {} : { from: this.#job.id }), ...more };
      await this.#send({ lane: "event", body, heard, ...headers }, losses);
    }
  }

  /** What the machine throws at, and a person who lets it go on without. */
  async #boom(losses: readonly Loss[]): Promise<void> {
    await this.#send({ lane: "event", body: { type: "boom" } }, losses);
    await this.#pause(300);
    await this.#send({ lane: "event", body: { type: "retry", drop: true } }, losses);
  }

  /** Until it is accepted: sent again with the same message id. */
  async #send({ lane, body, headers = () => ({}), heard }: Message, losses: readonly Loss[], to = this.#job.id): Promise<void> {
    const { world, recorder } = this.#cluster;
    const id = { "Nats-Msg-Id": `${this.actor}:${this.#sends++}` };
    const publish = (): number => world.publish(lane, this.#type, to, encodeJson(body), { ...headers(), ...id });
    const left = [...losses];
    while (true) {
      const loss = left.shift();
      if (loss !== "request" && !this.#cluster.isServerDown && this.#isStored(publish) && loss === undefined) break;
      await this.#pause(SEND_AGAIN_MS);
    }
    recorder.note({ kind: "promised", actor: `${this.#type}/${to}`, ...(heard === undefined ? {} : { heard }) });
  }

  #isStored(publish: () => number): boolean {
    try {
      publish();
      return true;
    } catch (error) {
      if (error instanceof TroupeError && error.code === "in_full") return false;
      throw error;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.clock.after(ms, resolve));
  }
}
