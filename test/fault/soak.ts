import { readFileSync } from "node:fs";
import { Random } from "../../src/memory/random.ts";
import { check, type Breach } from "../sim/checker.ts";
import { parseHistory, type Line } from "../sim/history.ts";
import { eventually } from "../support/eventually.ts";
import { Field } from "./field.ts";
import { Load, type Promised } from "./load.ts";
import { endOf, reckon, type Reckoning } from "./reckoning.ts";
import { restOf } from "./rest.ts";
import { Weather, type Climate } from "./weather.ts";

export interface SoakOptions {
  readonly seed: number;
  readonly forMs: number;
  readonly servers: 1 | 3;
  readonly climate: Climate;
  readonly perSecond: number;
  readonly mostOpen: number;
  readonly partitions: number;
  /** Called now and then with how far it has come. */
  readonly onProgress?: (text: string) => void;
}

export interface SoakResult extends Reckoning {
  readonly seed: number;
  readonly seconds: number;
  readonly servers: number;
  /** By kind, how often. */
  readonly troubles: Readonly<Record<string, number>>;
  /** Of hosts that ended although nobody had ended them. */
  readonly surprises: readonly string[];
  readonly breaches: readonly Breach[];
  readonly lines: readonly Line[];
}

const SETTLES_WITHIN_MS = 90_000;
const EMPTY_WITHIN_MS = 30_000;
const PROGRESS_EVERY_MS = 10_000;

/** A run of hosts and servers under a load, in whatever weather the seed has; ends once everything has settled, or too late. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = new Random(options.seed);
  const ended = new Set<string>();
  const open = new Set<string>();
  await using field = await Field.open({ count: options.servers, partitions: options.partitions }, ({ actor, record }) => {
    if (endOf(record) === undefined) return;
    ended.add(actor);
    open.delete(actor);
  });
  const weather = new Weather(field, random.fork(), options.climate);
  const accepted = ({ actor }: Promised): void => void (ended.has(actor) || open.add(actor));
  const load = new Load(field, random.fork(), accepted, () => open.size);
  await weather.fill();
  await field.hosts[0]?.joined;
  const startedAt = performance.now();
  const secondsSince = (): number => Math.round((performance.now() - startedAt) / 1000);
  const tell = (): void =>
    options.onProgress?.(
      `${secondsSince()} s: ${load.promised.length} accepted, ${open.size} open, ${load.unaccepted} not accepted yet, ${weather.log.length} troubles`,
    );
  const telling = setInterval(tell, PROGRESS_EVERY_MS);
  const over = AbortSignal.timeout(options.forMs);
  await Promise.all([load.run(options, over), weather.run(over)]).finally(() => clearInterval(telling));
  const calm: Line = { at: Date.now(), kind: "calm" };
  const late = await settled(field, () => open.size === 0);
  if (late !== undefined) options.onProgress?.(`${late}: ${[...open].slice(0, 10).join(", ")}`);
  tell();
  const rest: Line = { at: Date.now(), ...(await restOf(field)) };
  const outside = [...parseHistory(readFileSync(field.journal, "utf8")), ...load.promised.flatMap(linesOf), ...weather.log, calm];
  const lines = [...inOrder(field.recorder.lines, outside), rest];
  const breaches = check(lines);
  return {
    seed: options.seed,
    seconds: secondsSince(),
    servers: options.servers,
    ...reckon(lines, { promised: load.promised, newest: field.recorder.newest, breaches }),
    troubles: weather.counts,
    surprises: weather.surprises,
    breaches,
    lines,
  };
}

/** Resolves once everybody has ended and nothing waits in the server; with why not, where it takes too long. */
async function settled(field: Field, isOver: () => boolean): Promise<string | undefined> {
  try {
    await eventually("everything settles", () => isOver() && allEnded(field), SETTLES_WITHIN_MS);
    const isEmpty = async (): Promise<boolean> => {
      const { unacknowledged, timers } = await restOf(field);
      return unacknowledged.length === 0 && timers.length === 0;
    };
    await eventually("the server has nothing left", () => isEmpty().catch(() => false), EMPTY_WITHIN_MS);
    return undefined;
  } catch (error) {
    return (error as Error).message;
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
