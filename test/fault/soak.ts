import { readFileSync } from "node:fs";
import { Random } from "../../src/memory/random.ts";
import type { Breach } from "../sim/checker.ts";
import type { Line } from "../sim/history.ts";
import { reckon, type Reckoning } from "./reckoning.ts";
import { Scene } from "./scene.ts";
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
  /** Hosts that ended although nobody had ended them, servers that did not come back, clients that were refused. */
  readonly surprises: readonly string[];
  readonly breaches: readonly Breach[];
  readonly lines: readonly Line[];
  /** What all hosts logged, line by line. */
  readonly log: string;
}

const PROGRESS_EVERY_MS = 10_000;

/** A run of hosts and servers under a load, in whatever weather the seed has; ends once everything has settled, or too late. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = new Random(options.seed);
  await using scene = await Scene.open({ count: options.servers, partitions: options.partitions }, random.fork());
  const { field, load } = scene;
  const weather = new Weather(scene, random.fork(), options.climate);
  await weather.fill();
  await field.hosts[0]?.joined;
  const startedAt = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1000);
  const tell = (): void =>
    options.onProgress?.(
      `${seconds()} s: ${load.promised.length} accepted, ${scene.open.size} open, ${load.unaccepted} not accepted yet, ${scene.faults} troubles`,
    );
  const telling = setInterval(tell, PROGRESS_EVERY_MS);
  const over = AbortSignal.timeout(options.forMs);
  await Promise.all([load.run(options, over), weather.run(over)]).finally(() => clearInterval(telling));
  const { lines, breaches } = await scene.verdict();
  tell();
  return {
    seed: options.seed,
    seconds: seconds(),
    servers: options.servers,
    ...reckon(lines, { promised: load.promised, newest: field.recorder.newest, breaches }),
    troubles: weather.counts,
    surprises: [...weather.surprises, ...load.unsaid],
    breaches,
    lines,
    log: readFileSync(`${field.journal}.log`, "utf8"),
  };
}
