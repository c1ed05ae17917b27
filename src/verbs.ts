import type { Client, StartRequest } from "./client.ts";
import { addressOf, isLane, type Address } from "./core/address.ts";
import { decodeBody } from "./core/codec.ts";
import type { Definition } from "./core/definition.ts";
import { HEADERS } from "./core/envelope.ts";
import { toErrorRecord, TroupeError, withoutStacks, type Fault } from "./core/errors.ts";
import type { Gateway, StoredDeadLetter } from "./ports/gateway.ts";
import { TASK_STATES, type TaskState, type TaskView } from "./view.ts";

/** One verb of `troupe.api.*`: the tokens behind the verb and the body → a JSON value. */
export type Verb = (tokens: readonly string[], body: Uint8Array) => Promise<unknown>;

interface VerbParts {
  readonly client: Client;
  readonly gateway: Gateway;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly statistics: () => unknown;
}

const MOST_LISTED = 1_000;
const MOST_IN_A_BATCH = 10_000;
const DEFAULT_WAIT_MS = 30_000;
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
    ["retry", { tail: ".*.*", verb: async (tokens) => retry(client, tokens) }],
    ["list", { tail: "", verb: async (_tokens, body) => list(client, fieldsOf(body)) }],
    ["dead", { tail: ".list", verb: async (_tokens, body) => deadLetters(gateway, fieldsOf(body)) }],
    ["replay", { tail: ".*.*.*", verb: async ([type = "", id = "", name = ""]) => replay(gateway, addressOf(type, id), name) }],
    [
      "discard",
      {
        tail: ".*.*.*",
        verb: async ([type = "", id = "", name = ""]) => ({ discarded: await gateway.discard(addressOf(type, id), name) }),
      },
    ],
    ["host", { tail: "", verb: async () => parts.statistics() }],
  ]);
}

type Fields = Readonly<Record<string, unknown>>;

/** A verb's body: an empty one is an empty object. @throws bad_payload, bad_request */
function fieldsOf(body: Uint8Array): Fields {
  return asFields(decodeBody(body, "") ?? {}, "The body");
}

/** @throws bad_request */
function asFields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TroupeError("bad_request", `${what} must be a JSON object`);
  return value as Fields;
}

/** @throws bad_request */
function countOf(fields: Fields, name: string, most: number): number {
  const { [name]: value = most } = fields;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  const message = `must be a whole number from 0 to ${most}`;
  throw new TroupeError("bad_request", `"${name}" ${message}`, { faults: [{ path: name, message }] });
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw new TroupeError("bad_request", `"${name}" must be text`, { faults: [{ path: name, message: "must be text" }] });
}

/** Every fault of a request at once. @throws bad_request, unknown_type, unknown_lane */
function startRequest(fields: Fields): StartRequest {
  const faults: Fault[] = [];
  const { id, priority, delayMs, deadline, input } = fields;
  if (id !== undefined && typeof id !== "string") faults.push({ path: "id", message: "must be text" });
  if (delayMs !== undefined && typeof delayMs !== "number") faults.push({ path: "delayMs", message: "must be a number of milliseconds" });
  if (deadline !== undefined && typeof deadline !== "string" && typeof deadline !== "number")
    faults.push({ path: "deadline", message: "must be RFC 3339 or epoch milliseconds" });
  if (faults.length > 0)
    throw new TroupeError("bad_request", `The request is not well formed: ${faults.map((f) => `${f.path} ${f.message}`).join("; ")}`, {
      faults,
    });
  if (priority !== undefined && (typeof priority !== "string" || !isLane(priority) || priority === "event")) {
    throw new TroupeError("unknown_lane", `${JSON.stringify(priority)} is no priority: use high, normal or low`);
  }
  return {
    ...(id === undefined ? {} : { id: id as string }),
    ...(input === undefined ? {} : { input }),
    ...(priority === undefined ? {} : { priority }),
    ...(delayMs === undefined ? {} : { delay: delayMs as number }),
    ...(deadline === undefined ? {} : { deadline: deadline as string | number }),
  };
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
  if (existing !== undefined) return { ...existing, duplicate: true };
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

function known(view: TaskView | undefined, [type, id]: readonly string[]): TaskView {
  if (view === undefined) throw new TroupeError("unknown_id", `There is no task ${type}/${id}`, { about: `${type}/${id}` });
  return view;
}

async function result(client: Client, [type = "", id = ""]: readonly string[], fields: Fields): Promise<unknown> {
  const timeoutMs = fields["timeoutMs"] === undefined ? DEFAULT_WAIT_MS : countOf(fields, "timeoutMs", MOST_WAIT_MS);
  return client.ref(type, id).waitFor((view) => view.state !== "undo" && view.state !== "doing", { timeout: timeoutMs });
}

async function operate(
  client: Client,
  tokens: readonly string[],
  act: (ref: ReturnType<Client["ref"]>) => Promise<void>,
): Promise<TaskView> {
  const [type = "", id = ""] = tokens;
  const ref = client.ref(type, id);
  const before = known(await ref.get(), tokens);
  await act(ref);
  return before;
}

/** Only a parked task can be taken up again. @throws unknown_id, not_running */
async function retry(client: Client, tokens: readonly string[]): Promise<TaskView> {
  return operate(client, tokens, async (ref) => {
    const view = await ref.get();
    if (view?.parked === undefined)
      throw new TroupeError("not_running", `${ref.key} is not parked; there is nothing to take up again`, { about: ref.key });
    await ref.retry();
  });
}

async function list(client: Client, fields: Fields): Promise<unknown> {
  const type = textOf(fields, "type");
  const state = textOf(fields, "state");
  if (state !== undefined && !(TASK_STATES as readonly string[]).includes(state))
    throw new TroupeError("bad_request", `"${state}" is no state: use ${TASK_STATES.join(", ")}`);
  const limit = countOf(fields, "limit", MOST_LISTED);
  const tasks: TaskView[] = [];
  const filter = { ...(type === undefined ? {} : { type }), ...(state === undefined ? {} : { state: state as TaskState }) };
  for await (const view of client.list(filter)) {
    if (tasks.length >= limit) return { tasks, more: true };
    tasks.push(view);
  }
  return { tasks, more: false };
}

async function deadLetters(gateway: Gateway, fields: Fields): Promise<unknown> {
  const type = textOf(fields, "type");
  const id = textOf(fields, "id");
  const letters = [];
  for await (const letter of gateway.deadLetters({ ...(type === undefined ? {} : { type }), ...(id === undefined ? {} : { id }) })) {
    if (letters.length >= MOST_LISTED) return { letters, more: true };
    letters.push(describe(letter));
  }
  return { letters, more: false };
}

function describe(letter: StoredDeadLetter) {
  const { address, name, body, at } = letter;
  const reason = JSON.parse(letter.header(HEADERS.reason) || "{}") as { code?: string; message?: string; faults?: readonly Fault[] };
  return { ...address, name, lane: letter.header(HEADERS.origin), at, ...reason, body: Buffer.from(body).toString("utf8") };
}

/** The letter once more the way it came, and its copy removed: should that fail, it is a duplicate start or event. */
async function replay(gateway: Gateway, address: Address, name: string): Promise<unknown> {
  for await (const letter of gateway.deadLetters(address)) {
    if (letter.name !== name) continue;
    const lane = letter.header(HEADERS.origin);
    const kept = [HEADERS.contentType, HEADERS.delay, HEADERS.replyTo].flatMap((each) =>
      letter.header(each) === "" ? [] : [[each, letter.header(each)] as const],
    );
    if (!isLane(lane)) throw new TroupeError("unknown_lane", `The dead letter ${name} of ${address.type}/${address.id} names no lane`);
    await gateway.send(lane, address, letter.body, Object.fromEntries(kept));
    return { replayed: true, discarded: await gateway.discard(address, name) };
  }
  throw new TroupeError("unknown_id", `There is no dead letter ${name} of ${address.type}/${address.id}`, {
    about: `${address.type}/${address.id}`,
  });
}
