import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Client } from "../../src/client.ts";
import { connect } from "../../src/connect.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import type { CrashPolicy } from "../../src/core/definition.ts";
import { asRecord, isEnded, type ActorRecord } from "../../src/core/record.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { api, NATS_HEADERS, namesOf } from "../../src/nats/names.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import type { TaskView } from "../../src/task-view.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { spawnHost, type HostProcess, type HostProcessOptions } from "./hosts.ts";

export const POLICIES = ["rerun", "fail", "park"] as const satisfies readonly CrashPolicy[];
export const PARTITIONS = 4;
const NAMESPACE = "fault";
export const NAMES = namesOf(NAMESPACE);

/** One run of user code, as its process noted it. */
export interface Run {
  readonly key: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly pid: number;
}

/** A record as it was stored, heard from the server at that moment. */
export interface StoredState {
  readonly key: string;
  readonly sequence: number;
  readonly record: ActorRecord;
}

/** A real server that can be killed, hosts that can be killed, a client outside, and what was seen of it all. */
export class FaultStand implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "troupe-fault-"));
  readonly journal = join(this.folder, "journal");
  readonly hosts: HostProcess[] = [];
  /** Every record that was stored while the server could be heard. */
  readonly stored: StoredState[] = [];
  server!: EmbeddedServer;
  client!: Client;
  connection!: NatsConnection;

  static async open<Stand extends FaultStand>(this: new () => Stand): Promise<Stand> {
    const stand = new this();
    writeFileSync(stand.journal, "");
    await stand.startServer();
    return stand;
  }

  /** Where hosts and clients connect: several with commas. */
  get url(): string {
    return this.server.url;
  }

  /** Copies of what the hosts create. */
  get replicas(): number {
    return 1;
  }

  async startServer(): Promise<void> {
    const port = this.server === undefined ? {} : { port: this.server.port };
    this.server = await startServer({ dataDir: join(this.folder, "server"), ...port });
  }

  /** kill -9; its directory and port stay for the next one. */
  async killServer(): Promise<void> {
    process.kill(this.server.pid, "SIGKILL");
    await this.server.ended;
    await this.server.stop();
  }

  /** Starts a host; by way of a tap where a port is given. */
  host(
    options: Partial<Pick<HostProcessOptions, "concurrency" | "cacheBytes" | "leaseTtl" | "labels">> & { readonly via?: number } = {},
  ): HostProcess {
    const { via, concurrency = 10, cacheBytes, leaseTtl = "1s", labels } = options;
    const url = via === undefined ? this.url : this.server.url.replace(`:${this.server.port}`, `:${via}`);
    const host = spawnHost({
      url,
      namespace: NAMESPACE,
      journal: this.journal,
      concurrency,
      ...(cacheBytes === undefined ? {} : { cacheBytes }),
      ...(labels === undefined ? {} : { labels }),
      partitions: PARTITIONS,
      replicas: this.replicas,
      leaseTtl,
    });
    this.hosts.push(host);
    return host;
  }

  /** A client and an ear; the streams must be there. */
  async attend(): Promise<void> {
    this.client = await connect({ nats: this.url, namespace: NAMESPACE, sendTimeout: "30s" });
    this.connection = await openConnection({ servers: this.url.split(","), context: false }, {});
    const prefix = NAMES.liveStates.replace(">", "state.");
    this.connection.subscribe(`${prefix}>`, {
      callback: (error, { subject, data, headers }) => {
        if (error !== null || data.length === 0) return;
        const record = asRecord(decodeRecord(data));
        this.stored.push({
          key: subject.slice(prefix.length).replace(".", "/"),
          sequence: Number(headers?.get(NATS_HEADERS.sequence)),
          record,
        });
      },
    });
    await this.connection.flush();
  }

  /** Who owns each partition, under which fence, as the stream has it. */
  async owners(): Promise<readonly { readonly host: string | null; readonly fence: number }[]> {
    return Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) => {
        const request = JSON.stringify({ last_by_subj: NAMES.own(partition) });
        const reply = await this.connection.request(api.messageGet(NAMES.streams.core), request);
        const { message } = JSON.parse(reply.string()) as { message: { seq: number; data: string } };
        const { host } = JSON.parse(Buffer.from(message.data, "base64").toString()) as { host: string | null };
        return { host, fence: message.seq };
      }),
    );
  }

  /** How many partitions each owner has, the largest first; a partition that nobody has counts as an owner of its own. */
  async shares(): Promise<readonly number[]> {
    const counts = new Map<string | null, number>();
    for (const { host } of await this.owners()) counts.set(host, (counts.get(host) ?? 0) + 1);
    return [...counts.values()].toSorted((one, other) => other - one);
  }

  get runs(): readonly Run[] {
    const lines = readFileSync(this.journal, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => {
      const [key = "", attempt, epoch, pid] = line.split(" ");
      return { key, attempt: Number(attempt), epoch: Number(epoch), pid: Number(pid) };
    });
  }

  /** Sent again until it is accepted: the same id is the same task. */
  async submit(ids: readonly string[], inputOf: (id: string) => unknown, options: { readonly delay?: number } = {}): Promise<void> {
    let left = ids.flatMap((id) => POLICIES.map((policy) => ({ policy, id })));
    await eventually(
      "every task is accepted",
      async () => {
        const results = await Promise.allSettled(
          left.map(({ policy, id }) => this.client.start(policy, { id, input: inputOf(id), ...options })),
        );
        left = left.filter((_, i) => results[i]?.status === "rejected");
        return left.length === 0;
      },
      60_000,
    );
  }

  /** Every task that has a record, by a client of its own: another's connection may still be broken. */
  async views(): Promise<ReadonlyMap<string, TaskView>> {
    await using client = await connect({ nats: this.url, namespace: NAMESPACE });
    const views = new Map<string, TaskView>();
    for await (const view of client.list({ signal: AbortSignal.timeout(20_000) }))
      if (view.kind === "task") views.set(`${view.type}/${view.id}`, view);
    return views;
  }

  /** Resolves once each of them has come to an end of its own. @throws naming some that have not */
  async settled(count: number, withinMs: number): Promise<ReadonlyMap<string, TaskView>> {
    let open: readonly string[] = [];
    let views: ReadonlyMap<string, TaskView> = new Map();
    const look = async (): Promise<boolean> => {
      views = await this.views().catch(() => new Map<string, TaskView>());
      open = [...views].flatMap(([key, { state, path, parked }]) =>
        ["done", "failed", "expired"].includes(state) || parked !== undefined ? [] : [`${key} ${path}`],
      );
      if (views.size === count && open.length === 0) return true;
      // A look at thousands of records costs the hosts time too.
      await new Promise((resolve) => setTimeout(resolve, 20 + count / 20));
      return false;
    };
    await eventually("every task comes to an end", look, withinMs).catch((error: Error) => {
      const words = this.hosts.map((host, i) => `host ${i} (${host.hasEnded ? "ended" : "alive"})`).join(", ");
      throw new Error(
        `${error.message}: ${views.size} of ${count} have a record, open are ${open.length}: ${open.slice(0, 5).join(", ")}\n${words}\n${this.hosts.at(-1)?.lastWords() ?? ""}`,
      );
    });
    return views;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host.kill();
    await this.client?.close().catch(() => {});
    await this.connection?.close().catch(() => {});
    await this.server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the promise to users comes to, for tasks that never fail by themselves. Everything that broke it, in words. */
export function breaches(views: ReadonlyMap<string, TaskView>, runs: readonly Run[], stored: readonly StoredState[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { key } of runs) counts.set(key, (counts.get(key) ?? 0) + 1);
  const found: string[] = [];
  for (const [key, view] of views) {
    const ran = counts.get(key) ?? 0;
    if (view.state === "done" && ran < 1) found.push(`${key} is done and never ran`);
    if (isRepeatable(view) && view.state !== "done") found.push(`${key} may be repeated and is ${view.state}`);
    if (!isRepeatable(view) && ran > 1) found.push(`${key} may run once and ran ${ran} times`);
    if (view.state === "failed" && (view.type !== "fail" || view.error?.code !== "crashed"))
      found.push(`${key} failed: ${view.error?.code ?? ""} ${view.error?.message ?? ""}`);
    if (view.parked !== undefined && (view.type !== "park" || view.parked.reason !== "crashed"))
      found.push(`${key} is parked: ${view.parked.reason}`);
  }
  for (const { key } of runs) if (!views.has(key)) found.push(`${key} ran and has no record`);
  return [...found, ...forks(stored)];
}

/** The children of plans do as tasks do that say nothing else. */
function isRepeatable({ type }: TaskView): boolean {
  return ["rerun", "job", "unjob"].includes(type);
}

/** Records that do not follow from the ones before them. */
export function forks(stored: readonly StoredState[]): readonly string[] {
  const found: string[] = [];
  const last = new Map<string, StoredState>();
  for (const state of [...stored].sort((a, b) => a.sequence - b.sequence)) {
    const before = last.get(state.key);
    last.set(state.key, state);
    if (before === undefined || before.sequence === state.sequence) continue;
    if (isEnded(before.record)) found.push(`${state.key} changed after its end`);
    if (state.record.revision <= before.record.revision)
      found.push(`${state.key} went from revision ${before.record.revision} to ${state.record.revision}`);
    if (state.record.epoch < before.record.epoch)
      found.push(`${state.key} went from epoch ${before.record.epoch} to ${state.record.epoch}`);
  }
  return found;
}
