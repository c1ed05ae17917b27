import type { Client } from "./client.ts";
import { addressOf } from "./core/address.ts";
import type { Definition } from "./core/definition.ts";
import { toErrorRecord, TroupeError, withoutStacks } from "./core/errors.ts";
import { deadLetters, replay } from "./dead-letters.ts";
import type { ActorEvent } from "./core/envelope.ts";
import { validateEvent } from "./core/schema.ts";
import type { HostsView } from "./host-view.ts";
import type { Gateway } from "./ports/gateway.ts";
import { TASK_STATES } from "./task-view.ts";
import { hasEnded, isTaskState, STATUSES, type Status, type View } from "./view.ts";
import { asFields, countOf, eventOf, fieldsOf, startRequest, textOf, type Fields } from "./verb-body.ts";

/** One verb of `troupe.api.*`: the tokens behind the verb and the body → a JSON value. */
export type Verb = (tokens: readonly string[], body: Uint8Array) => Promise<unknown>;

interface VerbParts {
  readonly client: Client;
  readonly gateway: Gateway;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly statistics: () => unknown;
  readonly hosts: () => Promise<HostsView>;
}

const MOST_LISTED = 1_000;
const MOST_IN_A_BATCH = 10_000;
const DEFAULT_WAIT_MS = 30_000;
const DEFAULT_ASK_MS = 5_000;
const MOST_WAIT_MS = 3_600_000;

/**
 * What hosts answer on `troupe.api.<verb>`: the same operations as the client's, for programs in any language, with validation
 * by the definitions that the host has. Verbs and their tokens are listed in the README.
 */
export function verbsOf(parts: VerbParts): ReadonlyMap<string, { readonly tail: string; readonly verb: Verb }> {
  const { client, gateway } = parts;
  const ref = ([type = "", id = ""]: readonly string[]) => client.ref(addressOf(type, id).type, id);
  return new Map<string, { tail: string; verb: Verb }>([
    ["submit", { tail: ".*", verb: async ([type = ""], body) => submit(parts, type, fieldsOf(body)) }],
    ["batch", { tail: ".*", verb: async ([type = ""], body) => submitMany(parts, type, fieldsOf(body)) }],
    ["get", { tail: ".*.*", verb: async (tokens) => known(await ref(tokens).get(), tokens) }],
    ["result", { tail: ".*.*", verb: async (tokens, body) => result(client, tokens, fieldsOf(body)) }],
    [
      "cancel",
      { tail: ".*.*", verb: async (tokens, body) => operate(client, tokens, (each) => each.cancel(textOf(fieldsOf(body), "reason"))) },
    ],
    [
      "send",
      { tail: ".*.*", verb: async (tokens, body) => operate(client, tokens, (each) => each.send(eventFor(parts, tokens, fieldsOf(body)))) },
    ],
    ["ask", { tail: ".*.*", verb: async (tokens, body) => askActor(parts, tokens, fieldsOf(body)) }],
    ["accepts", { tail: ".*.*", verb: async (tokens, body) => accepts(parts, tokens, fieldsOf(body)) }],
    ["retry", { tail: ".*.*", verb: async (tokens, body) => retry(client, tokens, fieldsOf(body)) }],
    ["list", { tail: "", verb: async (_tokens, body) => list(parts, fieldsOf(body)) }],
    ["dead", { tail: ".list", verb: async (_tokens, body) => deadLetters(gateway, fieldsOf(body)) }],
    ["replay", { tail: ".*.*.*", verb: async ([type = "", id = "", name = ""]) => replay(gateway, addressOf(type, id), name) }],
    [
      "discard",
      {
        tail: ".*.*.*",
        verb: async ([type = "", id = "", name = ""]) => ({ discarded: await gateway.discard(addressOf(type, id), name) }),
      },
    ],
    ["hosts", { tail: "", verb: async () => parts.hosts() }],
    ["host", { tail: "", verb: async () => parts.statistics() }],
  ]);
}

function definitionOf({ definitions }: VerbParts, type: string): Definition {
  const definition = definitions.get(type);
  if (definition === undefined) throw new TroupeError("unknown_type", `No host that answers here has the type "${type}"`, { about: type });
  return definition;
}

async function submit(parts: VerbParts, type: string, fields: Fields): Promise<unknown> {
  const definition = definitionOf(parts, type);
  const request = startRequest(fields);
  const existing = request.id === undefined ? undefined : await parts.client.ref(type, request.id).get();
  if (existing !== undefined) return Object.assign({}, existing, { duplicate: true });
  const ref = await parts.client.start(definition, request);
  return { type, id: ref.id, state: "undo" };
}

async function submitMany(parts: VerbParts, type: string, fields: Fields): Promise<unknown> {
  const definition = definitionOf(parts, type);
  const { tasks } = fields;
  if (!Array.isArray(tasks) || tasks.length > MOST_IN_A_BATCH)
    throw new TroupeError("bad_request", `"tasks" must be a list of at most ${MOST_IN_A_BATCH}`);
  const results = await Promise.allSettled(
    tasks.map(async (task: unknown) => parts.client.start(definition, startRequest(asFields(task, "A task")))),
  );
  return {
    results: results.map((each) =>
      each.status === "fulfilled" ? { type, id: each.value.id, state: "undo" } : { error: withoutStacks(toErrorRecord(each.reason)) },
    ),
  };
}

function known(view: View | undefined, [type, id]: readonly string[]): View {
  if (view === undefined) throw new TroupeError("unknown_id", `There is no task ${type}/${id}`, { about: `${type}/${id}` });
  return view;
}

async function result(client: Client, [type = "", id = ""]: readonly string[], fields: Fields): Promise<unknown> {
  const timeoutMs = fields["timeoutMs"] === undefined ? DEFAULT_WAIT_MS : countOf(fields, "timeoutMs", MOST_WAIT_MS);
  return client.ref(type, id).waitFor(hasEnded, { timeout: timeoutMs });
}

async function operate(client: Client, tokens: readonly string[], act: (ref: ReturnType<Client["ref"]>) => Promise<void>): Promise<View> {
  const [type = "", id = ""] = tokens;
  const ref = client.ref(type, id);
  const before = known(await ref.get(), tokens);
  await act(ref);
  return before;
}

/** Only a parked task can be taken up again. @throws unknown_id, not_running */
async function retry(client: Client, tokens: readonly string[], fields: Fields): Promise<View> {
  return operate(client, tokens, async (ref) => {
    const view = await ref.get();
    if (view?.parked === undefined)
      throw new TroupeError("not_running", `${ref.key} is not parked; there is nothing to take up again`, { about: ref.key });
    await ref.retry({ drop: fields["drop"] === true });
  });
}

async function list({ client, definitions }: VerbParts, fields: Fields): Promise<unknown> {
  const type = textOf(fields, "type");
  const state = textOf(fields, "state");
  const status = textOf(fields, "status");
  const hasMachines = type === undefined || definitions.get(type)?.kind !== "task";
  if (state !== undefined && !hasMachines && !isTaskState(state))
    throw new TroupeError("bad_request", `"${state}" is no state of a task: use ${TASK_STATES.join(", ")}`);
  if (status !== undefined && !isStatus(status))
    throw new TroupeError("bad_request", `"${status}" is no status: use ${STATUSES.join(", ")}`);
  const limit = countOf(fields, "limit", MOST_LISTED);
  const tasks: View[] = [];
  const filter = {
    ...(type === undefined ? {} : { type }),
    ...(state === undefined ? {} : { state }),
    ...(status === undefined ? {} : { status }),
  };
  for await (const view of client.list(filter)) {
    if (tasks.length >= limit) return { tasks, more: true };
    tasks.push(view);
  }
  return { tasks, more: false };
}

function isStatus(word: string): word is Status {
  return (STATUSES as readonly string[]).includes(word);
}

async function askActor(parts: VerbParts, tokens: readonly string[], fields: Fields): Promise<unknown> {
  const [type = "", id = ""] = tokens;
  const timeoutMs = fields["timeoutMs"] === undefined ? DEFAULT_ASK_MS : countOf(fields, "timeoutMs", MOST_WAIT_MS);
  return parts.client.ref(type, id).ask(eventFor(parts, tokens, fields), { timeout: timeoutMs });
}

/** An event from the body, checked by the definition that this host has. @throws bad_request, bad_payload, reserved_event, invalid_event */
function eventFor({ definitions }: VerbParts, [type = "", id = ""]: readonly string[], fields: Fields): ActorEvent {
  const about = `${type}/${id}`;
  const event = eventOf(fields, about);
  validateEvent(definitions.get(type)?.eventSchemas, event, about);
  return event;
}

/** What an actor's present state takes, and whether that includes an event. @throws unknown_id, unknown_type */
async function accepts(parts: VerbParts, [type = "", id = ""]: readonly string[], fields: Fields): Promise<unknown> {
  const ref = parts.client.ref(definitionOf(parts, type), id);
  const accepted = await ref.accepts();
  return fields["event"] === undefined ? { accepts: accepted } : { accepts: accepted, can: await ref.can(eventOf(fields, ref.key)) };
}
