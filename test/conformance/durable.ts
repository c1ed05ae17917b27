import { isDeepStrictEqual } from "node:util";
import { decodeRecord } from "../../src/core/codec.ts";
import { parseAddress, type Address } from "../../src/core/address.ts";
import type { ActorEvent } from "../../src/core/envelope.ts";
import type { ActorRecord } from "../../src/core/record.ts";
import { textOf } from "../../src/core/ref.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand, type StandOptions } from "../runtime/stage.ts";
import type { HostOptions, Process } from "../runtime/process.ts";
import { listOf, nothingTold, storyOf, type Scene, type Story } from "./story.ts";

interface StoredTurn {
  readonly event?: ActorEvent;
  readonly effects: readonly { readonly kind: string; readonly label?: string; readonly value?: unknown }[];
  readonly record: ActorRecord;
}

/** What may happen between two steps of a scene: nothing that shows. */
export type Between = (stand: Stand, process: Process) => Promise<Process>;

export interface Stage {
  readonly world?: StandOptions;
  readonly host?: HostOptions;
}

/** The same scene played by durable actors on the memory adapter. */
export async function playDurable(scene: Scene, options: Stage = {}, between?: Between): Promise<Story> {
  const told = nothingTold();
  const tasks = () => [defineActor({ name: "root", machine: scene.machine((words) => void told.acted.push(words)), onThrow: "fail" })];
  const stand = new Stand({ ...options.world, tasks });
  let process = await stand.open(options.host);
  stand.world.onOutgoing((outgoing) => {
    if (outgoing.kind === "event")
      listOf(told.emitted, pathOf(stand, outgoing.from)).push(plain(stand, JSON.parse(Buffer.from(outgoing.body).toString())));
  });
  const states: unknown[] = [];
  stand.start("root", "r", scene.input);
  await stand.settle();
  if (scene.isSlow !== true) states.push(statesOf(stand));
  for (const step of scene.steps) {
    const isNoted = scene.isSlow !== true || typeof step === "number";
    if (between !== undefined && isNoted) process = await between(stand, process);
    if (typeof step === "number") await stand.advance(step);
    else stand.send("root", "r", step);
    await stand.settle();
    if (isNoted) states.push(statesOf(stand));
  }
  stand.check();
  for (const key of stand.world.records.keys()) {
    const path = pathOf(stand, parseAddress(key));
    const [heard, logged] = [heardBy(stand, parseAddress(key)), loggedBy(stand, parseAddress(key))];
    if (heard.length > 0) listOf(told.heard, path).push(...heard);
    if (logged.length > 0) listOf(told.logged, path).push(...logged);
  }
  return storyOf(states, told);
}

function recordOf(stand: Stand, { type, id }: Address): ActorRecord | undefined {
  return stand.record(type, id);
}

function pathOf(stand: Stand, address: Address): string {
  const parent = recordOf(stand, address)?.parent;
  return parent === undefined ? "root" : `${pathOf(stand, parent)}/${parent.child}`;
}

function statesOf(stand: Stand): unknown {
  const state: Record<string, unknown> = {};
  const collect = (address: Address, path: string): void => {
    const record = recordOf(stand, address);
    if (record === undefined) return;
    const isMachine = record.shape !== "transition";
    state[path] = {
      status: record.status,
      ...(isMachine ? { value: record.value } : {}),
      context: plain(stand, record.context),
      ...(record.output === undefined ? {} : { output: plain(stand, record.output) }),
    };
    if (record.status !== "active") return;
    for (const [id, child] of Object.entries(record.children ?? {})) collect(child, `${path}/${id}`);
  };
  collect({ type: "root", id: "r" }, "root");
  return state;
}

function plain(stand: Stand, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const text = textOf(value);
  if (text !== undefined)
    return `ref ${pathOf(stand, parseAddress(text.split(" ")[0] ?? ""))}${text.includes(" ") ? `/${text.split(" ")[1]}` : ""}`;
  if ("name" in value && "message" in value) return value.message;
  if (Array.isArray(value)) return value.map((part) => plain(stand, part));
  return Object.fromEntries(Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [[key, plain(stand, part)]])));
}

/** From its history: what its machine heard, where that made a difference. */
function heardBy(stand: Stand, address: Address): string[] {
  let before: ActorRecord | undefined;
  // A parent that watches is told of every event its child takes, heard or not.
  return stand.world.turns(address).flatMap(({ bytes }) => {
    const { event, effects, record } = decodeRecord(bytes) as StoredTurn;
    const isSame =
      before !== undefined &&
      effects.every(({ kind }) => kind === "report") &&
      (["status", "value", "context"] as const).every((part) => isDeepStrictEqual(record[part], before?.[part]));
    before = record;
    return event === undefined || isSame || event.type === "xstate.stop" ? [] : [event.type];
  });
}

function loggedBy(stand: Stand, address: Address): unknown[] {
  return stand.world
    .turns(address)
    .flatMap(({ bytes }) =>
      (decodeRecord(bytes) as StoredTurn).effects.flatMap(({ kind, label, value }) =>
        kind === "log" ? [plain(stand, { value, label })] : [],
      ),
    );
}
