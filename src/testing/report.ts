import { accepted } from "../core/acceptance.ts";
import { formatAddress, type Address } from "../core/address.ts";
import { decodeRecord } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { attemptOf } from "../core/lifecycle.ts";
import { asRecord, formatState, type ActorRecord } from "../core/record.ts";
import type { Work } from "./works.ts";

/** What a report is made from. */
export interface Scene {
  readonly now: number;
  readonly hosts: readonly { readonly id: string; readonly phase: string }[];
  readonly works: readonly Work[];
  /** Newest last. */
  readonly warnings: readonly string[];
  readonly deadLetters: readonly { readonly key: string; readonly code: string; readonly message: string; readonly body: string }[];
  read(address: Address): Uint8Array | undefined;
  /** Whether a start of it is on its way. */
  awaits(address: Address): boolean;
  readonly definition: (type: string) => Definition | undefined;
}

const MOST_LISTED = 5;

/** Where an actor is and what it waits for, a line for each thing; what else may be the reason that it does not go on. */
export function reportOf(scene: Scene, address: Address): string {
  const lines = [`it is ${new Date(scene.now).toISOString()}`, ...linesOfActor(scene, address, 0), ...linesAround(scene)];
  return lines.map((line) => `  ${line}`).join("\n");
}

function linesOfActor(scene: Scene, address: Address, depth: number): readonly string[] {
  const key = formatAddress(address);
  const bytes = scene.read(address);
  if (bytes === undefined)
    return [
      `${key} ${scene.awaits(address) ? "has not begun: its start waits for a host" : "does not exist: not started, or its retention is over"}`,
    ];
  const record = asRecord(decodeRecord(bytes));
  const { revision, updatedAt, status, parked, error } = record;
  const since = `since ${new Date(updatedAt).toISOString()}, revision ${revision}`;
  const ended = status === "active" ? "" : ` (ended: ${status})`;
  return [
    `${key} is in ${formatState(record.value)}${ended}, ${since}`,
    ...indented([
      ...(parked === undefined ? [] : [`is parked (${parked.reason}): ${parked.error.message}`]),
      ...(error === undefined ? [] : [`its error: ${error.message}`]),
      ...takes(scene, address, record),
      ...timersOf(scene, record),
      ...worksOf(scene, key, record),
      ...Object.values(record.children ?? {})
        .slice(0, MOST_LISTED)
        .flatMap((child) => (depth > 1 ? [formatAddress(child)] : linesOfActor(scene, child, depth + 1))),
    ]),
  ];
}

function takes({ definition }: Scene, address: Address, record: ActorRecord): readonly string[] {
  const known = definition(address.type);
  if (known === undefined) return [`no host here has the type "${address.type}"`];
  if (known.kind === "task" || record.status !== "active") return [];
  try {
    return [`takes ${accepted(known, address, record).join(", ") || "no event"}`];
  } catch {
    // Of a state that this definition does not have.
    return [];
  }
}

function timersOf({ now }: Scene, { timers, children = {} }: ActorRecord): readonly string[] {
  const due = Object.entries(timers).map(([name, { dueAt }]) => `timer ${name} in ${dueAt - now} ms`);
  const restarts = Object.entries(children).flatMap(([name, { dueAt }]) =>
    dueAt === undefined ? [] : [`child ${name} is restarted in ${dueAt - now} ms`],
  );
  return [...due, ...restarts].slice(0, MOST_LISTED);
}

function worksOf({ works, now }: Scene, key: string, { activities, owed = [] }: ActorRecord): readonly string[] {
  return [
    ...Object.entries(activities).map(([name, { src, input, reruns, dueAt }]) => {
      const work = works.find((each) => each.key === key && each.name === src);
      const what = `work ${name}, attempt ${attemptOf(input, reruns)},`;
      if (dueAt !== undefined) return `${what} begins again in ${dueAt - now} ms`;
      if (work === undefined) return `${what} is not running in any host`;
      return `${what} ${work.sleeps > 0 ? "sleeps" : "is running, and says nothing"}`;
    }),
    ...owed.map(({ action }) => `action ${action} has not run to its end`),
  ].slice(0, MOST_LISTED);
}

function linesAround({ hosts, deadLetters, warnings }: Scene): readonly string[] {
  const troubled = hosts.filter(({ phase }) => phase !== "running");
  const running = hosts.length - troubled.length;
  return [
    ...(running === 0 ? ["no host is running"] : []),
    ...(troubled.length === 0 ? [] : [`hosts: ${troubled.map(({ id, phase }) => `${id} ${phase}`).join(", ")}`]),
    ...deadLetters
      .slice(-MOST_LISTED)
      .map(({ key, code, message, body }) => `dead letter to ${key} (${code}): ${message}: ${body.slice(0, 200)}`),
    ...warnings.slice(-MOST_LISTED).map((warning) => `warned: ${warning}`),
  ];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}
