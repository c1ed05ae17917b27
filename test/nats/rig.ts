import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/nats-core";
import { openAdapter, type Adapter, type AdapterOptions } from "../../src/nats/adapter.ts";
import { openConnection, type ConnectionOptions } from "../../src/nats/connection.ts";
import { api, namesOf, type Names } from "../../src/nats/names.ts";
import { provision, type Layout, type ProvisionOptions } from "../../src/nats/provision.ts";
import { startServer } from "../support/server.ts";

/** A real server of this test file's own, and namespaces on it that nobody else uses. */
export interface Rig extends AsyncDisposable {
  readonly port: number;
  connect(options?: ConnectionOptions): Promise<NatsConnection>;
  /** A fresh, provisioned namespace with an adapter on a connection of its own. */
  system(options?: ProvisionOptions & { readonly adapter?: AdapterOptions; readonly via?: number }): Promise<System>;
  /** Kills the server (SIGKILL), or starts it again on the same port and data. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface System {
  readonly names: Names;
  readonly layout: Layout;
  readonly connection: NatsConnection;
  readonly adapter: Adapter;
  attach(options?: AdapterOptions & { readonly via?: number }): Promise<{ readonly connection: NatsConnection; readonly adapter: Adapter }>;
  /** Another host's adapter, on another connection. */
  another(options?: AdapterOptions & { readonly via?: number }): Promise<Adapter>;
  publish(subject: string, body?: string): Promise<number>;
  /** Deletes its streams: each costs a cluster a group of servers that agree, and each of its consumers another. */
  remove(): Promise<void>;
  /** The newest message of a subject of CORE, by the server's own API. */
  read(subject: string, stream?: string): Promise<{ readonly seq: number; readonly head: string; readonly data: Buffer } | undefined>;
}

/** What a rig stands on: one server, or a cluster. Everything of it is gone after `dispose`. */
export interface Ground {
  readonly port: number;
  /** Reaches it from any connection. */
  readonly connection: ConnectionOptions;
  readonly layout: ProvisionOptions;
  stop(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

export async function startRig(configuration = ""): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-nats-"));
  let server = await startServerIn(folder, configuration);
  const { port } = server;
  return rigOn({
    port,
    connection: { servers: `127.0.0.1:${port}` },
    layout: {},
    stop: () => server.kill(),
    start: async () => void (server = await startServerIn(folder, configuration, port)),
    async dispose() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

export function rigOn(ground: Ground): Rig {
  const open: NatsConnection[] = [];
  const adapters: Adapter[] = [];
  const connect = async (options: ConnectionOptions = {}): Promise<NatsConnection> => {
    const connection = await openConnection({ ...ground.connection, context: false, ...options }, {});
    open.push(connection);
    return connection;
  };
  const attach = async (
    layout: Layout,
    options: AdapterOptions & { readonly via?: number } = {},
  ): Promise<{ connection: NatsConnection; adapter: Adapter }> => {
    const { via, ...adapterOptions } = options;
    const connection = await connect(via === undefined ? {} : { servers: `127.0.0.1:${via}` });
    const adapter = openAdapter(connection, layout, adapterOptions);
    adapters.push(adapter);
    return { connection, adapter };
  };
  return {
    port: ground.port,
    connect,
    async system({ adapter: adapterOptions = {}, via, ...options } = {}) {
      const namespace = options.namespace ?? `t${counter++}`;
      const direct = await connect();
      const layout = await provision(direct, {
        partitions: 4,
        inMaxBytes: 16 * 1024 * 1024,
        ...ground.layout,
        ...options,
        namespace,
      });
      const attached = await attach(layout, { ...adapterOptions, ...(via === undefined ? {} : { via }) });
      const names = namesOf(namespace);
      return {
        ...attached,
        names,
        layout,
        attach: (more) => attach(layout, more),
        another: async (more) => (await attach(layout, more)).adapter,
        publish: async (subject, body = "{}") => (JSON.parse((await direct.request(subject, body)).string()) as { seq: number }).seq,
        async remove() {
          const streams = [...Object.values(names.streams), names.hostsStream];
          await Promise.all(streams.map((stream) => direct.request(`$JS.API.STREAM.DELETE.${stream}`, "", { timeout: 10_000 })));
        },
        async read(subject, stream = names.streams.core) {
          const reply = await direct.request(api.messageGet(stream), JSON.stringify({ last_by_subj: subject }));
          const { message } = JSON.parse(reply.string()) as { message?: { seq: number; hdrs?: string; data?: string } };
          if (message === undefined) return undefined;
          return {
            seq: message.seq,
            head: Buffer.from(message.hdrs ?? "", "base64").toString(),
            data: Buffer.from(message.data ?? "", "base64"),
          };
        },
      };
    },
    stop: () => ground.stop(),
    start: () => ground.start(),
    async [Symbol.asyncDispose]() {
      await Promise.all(adapters.map((adapter) => adapter.close()));
      await Promise.all(open.map((connection) => connection.close()));
      await ground.dispose();
    },
  };
}

let counter = 0;

/** Without authorization unless a configuration says otherwise; in a directory that survives `stop`. */
async function startServerIn(
  dataDir: string,
  configuration: string,
  port?: number,
): Promise<{ readonly port: number; kill(): Promise<void> }> {
  const server = await startServer({
    dataDir,
    authorization: { kind: "config", text: configuration },
    ...(port === undefined ? {} : { port }),
  });
  return {
    port: server.port,
    async kill() {
      process.kill(server.pid, "SIGKILL");
      await server.ended;
      await server.stop();
    },
  };
}
