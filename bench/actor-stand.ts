/** A server, a host process of the measured actors and a client: what each of the actors' benchmarks begins with. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, type Client } from "../src/index.ts";
import type { ActorCommand, ActorReport } from "./actor-worker.ts";
import { peakRssKiBOf } from "./process-usage.ts";
import { startBenchServer, type BenchServer } from "./server.ts";

const DEADLINE_MS = 300_000;

export class ActorHost {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(url: string, cacheMiB = 64): Promise<ActorHost> {
    const child = fork(new URL("./actor-worker.js", import.meta.url), [url, String(cacheMiB)], {
      execArgv: [...process.execArgv, "--expose-gc"],
    });
    const host = new ActorHost(child);
    await host.#heard("ready");
    return host;
  }

  /** When so many more actors have ended, and the CPU time that the host took meanwhile. */
  ended(count: number): Promise<Extract<ActorReport, { kind: "ended" }>> {
    const report = this.#heard("ended");
    this.#send({ kind: "expect", count });
    return report;
  }

  async rssMiB(): Promise<number> {
    return (await this.memory()).rssMiB;
  }

  /** After a garbage collection. */
  memory(): Promise<Extract<ActorReport, { kind: "memory" }>> {
    const report = this.#heard("memory");
    this.#send({ kind: "measureMemory" });
    return report;
  }

  /** Of its whole life. */
  get peakRssMiB(): number {
    return peakRssKiBOf(this.#child.pid as number) / 1024;
  }

  async stop(): Promise<void> {
    this.#send({ kind: "stop" });
    await once(this.#child, "exit");
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #send(command: ActorCommand): void {
    this.#child.send(command);
  }

  #heard<K extends ActorReport["kind"]>(kind: K): Promise<Extract<ActorReport, { kind: K }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the host did not say '${kind}' within ${DEADLINE_MS} ms`)), DEADLINE_MS);
      const listen = (report: ActorReport): void => {
        if (report.kind !== kind) return;
        clearTimeout(timer);
        this.#child.off("message", listen);
        resolve(report as Extract<ActorReport, { kind: K }>);
      };
      this.#child.on("message", listen);
    });
  }
}

export interface ActorStand {
  readonly server: BenchServer;
  readonly client: Client;
  /** Stopped at the end like everything else. */
  readonly host: (cacheMiB?: number) => Promise<ActorHost>;
}

export async function withActors<T>(measure: (stand: ActorStand) => Promise<T>): Promise<T> {
  const server = await startBenchServer({ syncAlways: false });
  const client = await connect({ nats: server.url });
  const hosts: ActorHost[] = [];
  const host = async (cacheMiB?: number): Promise<ActorHost> => {
    const started = await ActorHost.start(server.url, cacheMiB);
    hosts.push(started);
    return started;
  };
  try {
    return await measure({ server, client, host });
  } finally {
    for (const each of hosts) each.kill();
    await client.close();
    await server.stop();
  }
}

/** `count` calls of `call`, at most `limit` of them unanswered. */
export async function withLimit(count: number, limit: number, call: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}
