import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Client } from "../../src/client.ts";
import { connect } from "../../src/connect.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { provision } from "../../src/nats/provision.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { spawnHost, type HostProcess } from "./hosts.ts";
import { Recorder, type Seen } from "./recorder.ts";
import { NAMES } from "./stand.ts";
import { startServers, type Servers, type ServersOptions } from "./servers.ts";

const PROVISION_MS = 30_000;

export interface FieldOptions extends Omit<ServersOptions, "folder"> {
  readonly partitions: number;
  readonly leaseTtl?: string;
  readonly concurrency?: number;
}

/** A host with a wire of its own to each server. */
export interface FieldHost extends HostProcess {
  readonly name: string;
  readonly wires: readonly Proxy[];
}

/** One server or three, hosts that reach them only by wires of their own, a client that reaches them at once, and a recorder. */
export class Field implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "troupe-field-"));
  /** Where the hosts note what user code saw. */
  readonly journal = join(this.folder, "journal");
  readonly names = NAMES;
  readonly hosts: FieldHost[] = [];
  readonly options: FieldOptions;
  servers!: Servers;
  connection!: NatsConnection;
  client!: Client;
  recorder!: Recorder;
  isClosing = false;
  #count = 0;

  private constructor(options: FieldOptions) {
    this.options = options;
  }

  /** Provisioned and heard, without a host. */
  static async open(options: FieldOptions, seen?: (seen: Seen) => void): Promise<Field> {
    const field = new Field(options);
    try {
      await field.#open(seen);
      return field;
    } catch (error) {
      await field[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #open(seen: ((seen: Seen) => void) | undefined): Promise<void> {
    const { partitions, count } = this.options;
    writeFileSync(this.journal, "");
    this.servers = await startServers({ ...this.options, folder: this.folder });
    this.connection = await openConnection({ servers: this.servers.urls, context: false }, {});
    const layout = { partitions, replicas: count };
    // A cluster that has just met may still be electing those who lead its streams.
    const provisioned = (): Promise<boolean> =>
      provision(this.connection, { ...layout, namespace: NAMES.namespace, inMaxBytes: 2 ** 26 }).then(
        () => true,
        () => false,
      );
    await eventually("the streams are there", provisioned, PROVISION_MS);
    this.client = await connect({ nats: this.servers.urls, namespace: NAMES.namespace, sendTimeout: "60s" });
    this.recorder = new Recorder(this.connection, { names: this.names, ...layout }, seen);
  }

  /** Starts one; it has joined once `joined` resolves. By way of other ports where they are given. */
  async host({ via, ...circumstances }: { readonly skewMs?: number; readonly via?: readonly number[] } = {}): Promise<FieldHost> {
    const { count: replicas, partitions, leaseTtl = "2s", concurrency = 20 } = this.options;
    const wires = via === undefined ? await Promise.all(this.servers.all.map(({ port, address }) => startProxy(port, address))) : [];
    const name = `h${++this.#count}`;
    const url = (via ?? wires.map(({ port }) => port)).map((port) => `nats://127.0.0.1:${port}`).join(",");
    const process = spawnHost(
      { url, namespace: NAMES.namespace, journal: this.journal, concurrency, partitions, leaseTtl, name, replicas },
      { program: "workload-host.mjs", ...circumstances },
    );
    const host: FieldHost = Object.defineProperties({ name, wires } as unknown as FieldHost, Object.getOwnPropertyDescriptors(process));
    this.hosts.push(host);
    void process.ended.then(async () => {
      this.hosts.splice(this.hosts.indexOf(host), 1);
      await Promise.all(wires.map((wire) => wire[Symbol.asyncDispose]()));
    });
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosing = true;
    await Promise.all([...this.hosts].map((host) => host.kill()));
    await this.recorder?.close();
    await this.client?.close().catch(() => {});
    await this.connection?.close().catch(() => {});
    await this.servers?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
