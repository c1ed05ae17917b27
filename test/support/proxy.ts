import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

/** What clients send, what servers send, or both. */
type Way = "requests" | "answers" | "both";

/** How fast a network is; what is left out is as fast as it can be. */
interface Pace {
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
}

/** A TCP proxy on the loopback that loses, holds up or slows down what it is told to. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** From now on answers of the server vanish; requests still reach it. What a connection lost it never gets: cut it afterwards. */
  swallowAnswers(): void;
  /** From now on requests vanish too, and so do ends of connections: a network that has gone, connections that are half open. */
  swallowAll(): void;
  /** Ends every connection as a dying network would, and passes everything on again. */
  cut(): void;
  /** From now on new connections lead elsewhere. */
  redirect(port: number, host: string): void;
  /** New connections are refused while `false`. */
  accept(accepting: boolean): void;
  /** From now on what goes that way waits, ends of connections too: packets are dropped, and TCP sends them again for as long. */
  stall(way: Way): void;
  /** The network is back: what waited arrives, in its order. */
  flow(): void;
  /** From now on each chunk takes so long. */
  slow(pace: Pace): void;
}

interface Rule {
  readonly kind: "pass" | "stall" | "swallow";
  readonly pace: Pace;
}

const PASS: Rule = { kind: "pass", pace: {} };

export async function startProxy(targetPort: number, targetHost = "127.0.0.1"): Promise<Proxy> {
  const rules = { requests: PASS, answers: PASS };
  const pairs = new Set<Pair>();
  let target = { port: targetPort, host: targetHost };
  let accepting = true;
  const server = createServer((client) => {
    if (!accepting) return void client.destroy();
    const upstream = createConnection(target);
    const pair = { client, upstream, lanes: [] as Lane[] };
    pairs.add(pair);
    pair.lanes.push(new Lane(client, upstream, () => rules.requests), new Lane(upstream, client, () => rules.answers));
    const forget = (): void => void (client.closed && upstream.closed && pairs.delete(pair));
    client.on("close", forget);
    upstream.on("close", forget);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const rule = (way: Way, change: Partial<Rule>): void => {
    if (way !== "answers") rules.requests = { ...rules.requests, ...change };
    if (way !== "requests") rules.answers = { ...rules.answers, ...change };
    for (const { lanes } of pairs) for (const lane of lanes) lane.pump();
  };
  const cut = (): void => {
    for (const { client, upstream } of pairs) {
      client.destroy();
      upstream.destroy();
    }
    pairs.clear();
    rules.requests = PASS;
    rules.answers = PASS;
  };
  return {
    port: (server.address() as AddressInfo).port,
    swallowAnswers: () => rule("answers", { kind: "swallow" }),
    swallowAll: () => rule("both", { kind: "swallow" }),
    cut,
    redirect: (port, host) => void (target = { port, host }),
    accept: (value) => void (accepting = value),
    stall: (way) => rule(way, { kind: "stall" }),
    flow: () => rule("both", { kind: "pass" }),
    slow: (pace) => rule("both", { pace }),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly lanes: readonly Lane[];
}

/** One direction of one connection: chunks in their order, and in the end its end. */
class Lane {
  readonly #target: Socket;
  readonly #rule: () => Rule;
  readonly #waiting: { readonly chunk: Buffer | "end"; readonly dueAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #freeAt = 0;

  constructor(source: Socket, target: Socket, rule: () => Rule) {
    this.#target = target;
    this.#rule = rule;
    source
      .setNoDelay(true)
      .on("data", (chunk) => this.#take(chunk))
      .on("error", () => {})
      .on("close", () => this.#take("end"));
  }

  /** Passes on what is due. */
  pump(): void {
    clearTimeout(this.#timer);
    for (let head = this.#waiting[0]; head !== undefined && this.#rule().kind !== "stall"; head = this.#waiting[0]) {
      const inMs = head.dueAt - performance.now();
      if (inMs > 0) return void (this.#timer = setTimeout(() => this.pump(), inMs));
      this.#waiting.shift();
      if (this.#rule().kind === "swallow" || this.#target.destroyed) continue;
      // `end`, not `destroy`: what was sent before arrives although its sender is gone.
      if (head.chunk === "end") this.#target.end();
      else this.#target.write(head.chunk);
    }
  }

  #take(chunk: Buffer | "end"): void {
    const { kind, pace } = this.#rule();
    if (kind === "swallow") return;
    const { delayMs = 0, bytesPerSecond = Infinity } = pace;
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (chunk.length / bytesPerSecond) * 1000;
    this.#waiting.push({ chunk, dueAt: this.#freeAt + delayMs });
    this.pump();
  }
}
