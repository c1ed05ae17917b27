import { headers as newHeaders } from "@nats-io/nats-core";
import type { Adapter } from "../../src/nats/adapter.ts";
import { api } from "../../src/nats/names.ts";
import type { Attached, Fixture } from "../contract/fixture.ts";
import { eventually } from "../support/eventually.ts";
import type { Rig, System } from "./rig.ts";

interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
}

/** Acknowledgements and pulls are answered by nothing: that nothing more comes can only be seen by waiting a little. */
const QUIET_MS = 60;

/** The contracts' fixture on a real server: a namespace of its own, two hosts on two connections. */
export async function openFixture(rig: Rig): Promise<Fixture & { readonly system: System }> {
  const system = await rig.system({ adapter: { leaseTtlMs: 1000 } });
  const { names, layout } = system;
  const [a, b] = [await system.attach({ leaseTtlMs: 1000 }), await system.attach({ leaseTtlMs: 1000 })];
  const attached = (host: string, { store, mailbox, leases, work }: Adapter): Attached => ({ host, store, mailbox, leases, work });
  const request = async <Reply>(subject: string, body: object): Promise<Reply> =>
    JSON.parse((await system.connection.request(subject, JSON.stringify(body))).string()) as Reply;
  const pass = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

  /** Every message of CORE that fits, oldest first. */
  const listed = async (filter: string): Promise<readonly StoredMessage[]> => {
    const found: StoredMessage[] = [];
    for (let seq = 1; ; seq = (found.at(-1) as StoredMessage).seq + 1) {
      const { message } = await request<{ message?: StoredMessage }>(api.messageGet(names.streams.core), { seq, next_by_subj: filter });
      if (message === undefined) return found;
      found.push(message);
    }
  };
  const bodyOf = (message: StoredMessage): Uint8Array => Buffer.from(message.data ?? "", "base64");
  const headersOf = (message: StoredMessage): Record<string, string> =>
    Object.fromEntries(
      Buffer.from(message.hdrs ?? "", "base64")
        .toString()
        .split("\r\n")
        .flatMap((each) => (each.includes(": ") ? [each.split(": ", 2) as [string, string]] : [])),
    );

  return {
    system,
    partitions: layout.partitions,
    a: attached("host-a", a.adapter),
    b: attached("host-b", b.adapter),
    // An outstanding pull outlives the reset that supersedes its reader; the new reader notices and starts over.
    capabilities: { virtualTime: false, supersededReadersStarve: false },
    now: () => Date.now(),
    async publish({ lane, to, body, headers }) {
      const block = newHeaders();
      for (const [name, value] of Object.entries(headers ?? {})) block.set(name, value);
      const answer = await system.connection.request(names.wayIn(lane, to), body, {
        timeout: 5000,
        ...(headers === undefined ? {} : { headers: block }),
      });
      return (JSON.parse(answer.string()) as { seq: number }).seq;
    },
    until: async (predicate, timeoutMs = 5000) => void (await eventually("what the contract waits for", predicate, timeoutMs)),
    async quiet() {
      for (const { connection } of [a, b]) if (!connection.isClosed()) await connection.flush();
      await pass(QUIET_MS);
    },
    pass,
    async killA() {
      await a.connection.close();
    },
    async deadLetters(address) {
      const found = await listed(names.deadFilter(address.type, address.id));
      return found.map((message) => ({
        name: names.deadAddress(message.subject).name,
        letter: { body: bodyOf(message), headers: headersOf(message) },
      }));
    },
    async turns(address) {
      const found = await listed(`${names.namespace}.turn.*.${address.type}.${address.id}.*`);
      return found.map((message) => ({ revision: Number(message.subject.split(".").at(-1)), bytes: bodyOf(message) }));
    },
    async dispose() {
      for (const { adapter, connection } of [a, b, system]) {
        await adapter.close();
        if (connection !== system.connection) await connection.close();
      }
      if (layout.replicas > 1) await system.remove();
      await system.connection.close();
    },
  };
}
