import { connectionOptions, openGateway, type ConnectOptions } from "./connect.ts";
import type { Definition } from "./core/definition.ts";
import { Survey, type Finding } from "./core/survey.ts";
import { castOf } from "./define-actor.ts";
import { openConnection } from "./nats/connection.ts";
import { readLayout } from "./nats/provision.ts";

/**
 * What would become of the live actors under these definitions. Reads only: the rights of an inspector are enough.
 * @throws no_connection, no_answer, not_provisioned
 */
export async function check(
  options: ConnectOptions,
  definitions: readonly Definition[],
): Promise<{ readonly findings: readonly Finding[]; readonly others: number }> {
  const connection = await openConnection(connectionOptions(options.nats));
  const gateway = openGateway(connection, () => readLayout(connection, options.namespace), options);
  try {
    const survey = new Survey(castOf(definitions));
    for await (const { address, bytes } of gateway.records({})) if (bytes !== undefined) survey.note(address, bytes, Date.now());
    return { findings: survey.findings(), others: survey.others };
  } finally {
    await gateway.close();
  }
}
