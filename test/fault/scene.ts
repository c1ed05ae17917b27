import { readFileSync } from "node:fs";
import { Random } from "../../src/memory/random.ts";
import { check, type Breach } from "../sim/checker.ts";
import { parseHistory, type Line } from "../sim/history.ts";
import { eventually } from "../support/eventually.ts";
import { Field, type FieldOptions } from "./field.ts";
import { Load, type Promised } from "./load.ts";
import { endOf } from "./reckoning.ts";
import { restOf } from "./rest.ts";

const SETTLES_WITHIN_MS = 60_000;
const EMPTY_WITHIN_MS = 30_000;

/** A field under a load, what went wrong on it, and in the end the history of it all, judged. */
export class Scene implements AsyncDisposable {
  readonly field: Field;
  readonly load: Load;
  readonly #faults: Line[] = [];
  readonly #open: ReadonlySet<string>;

  private constructor(field: Field, load: Load, open: ReadonlySet<string>) {
    this.field = field;
    this.load = load;
    this.#open = open;
  }

  /** Without a host. The seed decides what the load is. */
  static async open(options: FieldOptions, random = new Random(1)): Promise<Scene> {
    const ended = new Set<string>();
    const open = new Set<string>();
    const field = await Field.open(options, ({ actor, record }) => {
      if (endOf(record) === undefined) return;
      ended.add(actor);
      open.delete(actor);
    });
    const accepted = ({ actor }: Promised): void => void (ended.has(actor) || open.add(actor));
    return new Scene(field, new Load(field, random, accepted, () => open.size), open);
  }

  /** Of those that were accepted, who has not ended. */
  get open(): ReadonlySet<string> {
    return this.#open;
  }

  fault(what: string, host?: string): void {
    this.#faults.push({ at: Date.now(), kind: "fault", what, ...(host === undefined ? {} : { host }) });
  }

  get faults(): number {
    return this.#faults.length;
  }

  /** Nothing goes wrong any more: waits until everything has come to rest, or for too long, and judges what happened. */
  async verdict(): Promise<{ readonly lines: readonly Line[]; readonly breaches: readonly Breach[] }> {
    const { field, load } = this;
    const calm: Line = { at: Date.now(), kind: "calm" };
    await this.#rested();
    const rest: Line = { at: Date.now(), ...(await restOf(field)) };
    const seen = parseHistory(readFileSync(field.journal, "utf8"));
    const outside = [...seen, ...load.promised.flatMap(linesOf), ...this.#faults, calm];
    const lines = [...inOrder(field.recorder.lines, outside), rest];
    return { lines, breaches: check(lines) };
  }

  /** What has not come to rest in time is in the history, for the laws to find. */
  async #rested(): Promise<void> {
    const { field } = this;
    const isEmpty = async (): Promise<boolean> => {
      const { unacknowledged, timers } = await restOf(field);
      return unacknowledged.length === 0 && timers.length === 0;
    };
    await eventually("everybody has ended", () => this.#open.size === 0 && allEnded(field), SETTLES_WITHIN_MS)
      .then(() => eventually("the server has nothing left", () => isEmpty().catch(() => false), EMPTY_WITHIN_MS))
      .catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.field[Symbol.asyncDispose]();
  }
}

function linesOf({ actor, at, states, heard }: Promised): readonly Line[] {
  return [
    { at, kind: "accepted", source: "in.normal", partition: -1, sequence: 0, actor },
    { at, kind: "expected", actor, states, ...(heard === undefined ? {} : { heard }) },
  ];
}

/** The server's side keeps its order, and comes first where times are the same. */
function inOrder(server: readonly Line[], outside: readonly Line[]): readonly Line[] {
  const lines: Line[] = [];
  const others = outside.toSorted((a, b) => a.at - b.at);
  let next = 0;
  for (const line of server) {
    for (; next < others.length && (others[next] as Line).at < line.at; next++) lines.push(others[next] as Line);
    lines.push(line);
  }
  return [...lines, ...others.slice(next)];
}

function allEnded({ recorder }: Field): boolean {
  for (const { record } of recorder.newest.values()) if (endOf(record) === undefined) return false;
  return true;
}
