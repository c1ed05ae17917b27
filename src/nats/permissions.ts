import { createInbox, headers, type NatsConnection } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { namesOf, NATS_HEADERS } from "./names.ts";
import { hostPermissions } from "./roles.ts";

/** The last token of subjects that are only tried. */
const PROBE = "probe";
const INBOXES = "_INBOX";
/** No stream ever gets there: what expects it is refused, and nothing is stored. */
const NEVER_REACHED = Number.MAX_SAFE_INTEGER;

/**
 * Tries everything that a host needs of its account, and hears from the server what is forbidden: a publish that permissions forbid is
 * answered by nothing, and would look like a server that is silent. Nothing is stored, read or removed by it.
 * @throws no_permission listing every subject, no_connection
 */
export async function demandPermissions(connection: NatsConnection, namespace: string | undefined, inboxPrefix?: string): Promise<void> {
  const needed = hostPermissions(namesOf(namespace), `${createInbox(inboxPrefix)}.>`);
  const missing = new Set<string>();
  const tried = new Map<string, string>();
  const forget = listen(connection, (operation, subject) => {
    const pattern = tried.get(`${operation} ${subject}`);
    if (pattern !== undefined) missing.add(pattern);
  });
  const subscriptions = needed.subscribe.map((pattern) => {
    tried.set(`subscription ${pattern}`, `subscribe to ${pattern}`);
    return connection.subscribe(pattern, { callback: () => {} });
  });
  // Whom it answers is theirs to say.
  for (const pattern of needed.publish.filter((each) => !each.startsWith(INBOXES))) {
    const subject = pattern.replaceAll("*", PROBE).replace(/>$/, PROBE);
    tried.set(`publish ${subject}`, `publish to ${pattern}`);
    connection.publish(subject, REFUSED, { headers: expectTheImpossible() });
  }
  // The server answers in order: whatever it forbids is known before this.
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
  for (const subscription of subscriptions) subscription.unsubscribe();
  forget();
  if (missing.size === 0) return;
  const faults = [...missing].toSorted().map((message) => ({ path: message, message: "is not allowed" }));
  throw new TroupeError("no_permission", `The account may not ${faults.map(({ path }) => path).join(", may not ")}`, { faults });
}

/** A request that the API refuses, whichever it is: the two limits exclude each other, and the filter fits nothing. */
const REFUSED = JSON.stringify({ filter: `troupe.${PROBE}`, seq: 1, keep: 1 });

function expectTheImpossible() {
  const block = headers();
  block.set(NATS_HEADERS.expectedStreamSequence, String(NEVER_REACHED));
  return block;
}

/** Returns the way to stop. */
function listen(connection: NatsConnection, forbidden: (operation: string, subject: string) => void): () => void {
  const statuses = connection.status();
  void (async () => {
    for await (const status of statuses) {
      if (status.type !== "error") continue;
      const { operation, subject } = status.error as { operation?: string; subject?: string };
      if (operation !== undefined && subject !== undefined) forbidden(operation, subject);
    }
  })();
  return () => (statuses as unknown as { stop(): void }).stop();
}
