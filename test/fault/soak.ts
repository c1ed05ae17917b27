import { readFileSync } from "node:fs";
import { Random } from "../../src/memory/random.ts";
import { eventually } from "../support/eventually.ts";
import { parseHistory, type Line } from "../sim/history.ts";
import { Field } from "./field.ts";
import { Load } from "./load.ts";
import { endOf, reckon, type Reckoning } from "./reckoning.ts";
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
  readonly lines: readonly Line[];
}

const SETTLES_WITHIN_MS = 90_000;
const PROGRESS_EVERY_MS = 10_000;

/** A run of hosts and servers under a load, in whatever weather the seed has; ends once everything has settled, or too late. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = new Random(options.seed);
  const open = new Set<string>();
  const ended = new Set<string>();
  await using field = await Field.open({ count: options.servers, partitions: options.partitions }, ({ actor, record }) => {
    if (endOf(record) === undefined) return;
    ended.add(actor);
    open.delete(actor);
  });
  const weather = new Weather(field, random.fork(), options.climate);
  const load = new Load(
    field,
    random.fork(),
    ({ actor }) => void (ended.has(actor) || open.add(actor)),
    () => open.size,
  );
  await weather.fill();
  await field.hosts[0]?.joined;
  const startedAt = performance.now();
  const over = AbortSignal.timeout(options.forMs);
  const tell = (): void =>
    options.onProgress?.(
      `${Math.round((performance.now() - startedAt) / 1000)} s: ${load.promised.length} accepted, ${open.size} open, ${load.unaccepted} not accepted yet, ${sum(weather.counts)} troubles`,
    );
  const telling = setInterval(tell, PROGRESS_EVERY_MS);
  try {
    await Promise.all([load.run(options, over), weather.run(over)]);
    await eventually("everything settles", () => open.size === 0 && allEnded(field), SETTLES_WITHIN_MS).catch((error: Error) => {
      options.onProgress?.(`${error.message}: ${[...open].slice(0, 10).join(", ")}`);
    });
  } finally {
    clearInterval(telling);
  }
  tell();
  const { recorder } = field;
  const lines = inOrder(recorder.lines, parseHistory(readFileSync(field.journal, "utf8")));
  const { newest } = recorder;
  return {
    seed: options.seed,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    servers: options.servers,
    ...reckon({ lines, newest, promised: load.promised, kept: (type) => !["brief", "trip-page"].includes(type) }),
    troubles: weather.counts,
    surprises: weather.surprises,
    lines,
  };
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

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
