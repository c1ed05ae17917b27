import { api } from "../../src/nats/names.ts";
import type { Field } from "./field.ts";
import type { FaultServer } from "./servers.ts";

/** The server of a cluster that leads CORE; undefined while they elect one. */
export async function leaderOf({
  connection,
  names,
  servers,
}: Pick<Field, "connection" | "names" | "servers">): Promise<FaultServer | undefined> {
  const reply = await connection.request(api.streamInfo(names.streams.core), "", { timeout: 5_000 }).catch(() => undefined);
  const { cluster } = (reply === undefined ? {} : JSON.parse(reply.string())) as { readonly cluster?: { readonly leader?: string } };
  return servers.all.find(({ name }) => name === cluster?.leader);
}
