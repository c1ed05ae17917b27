import { availableParallelism } from "node:os";
import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import type { Breach } from "./checker.ts";
import { playInWorkers } from "./fleet.ts";
import { formatHistory } from "./history.ts";
import { hashOf, play } from "./play.ts";
import { commandOf, describeBreach, describeLeast } from "./report.ts";
import { scenarioOf } from "./draw.ts";
import type { Result } from "./seeds.ts";
import { describeLine } from "./trace.ts";

/**
 * `npm run sim -- --seeds 2000 --from 1` plays seeds; `npm run sim -- --seed 1234 --trace` plays one and tells what happened in it. Ends
 * with 1 where a law was broken, after printing the command that plays the seed again and the fewest faults and jobs that break the law.
 */

interface Options {
  readonly seed?: number;
  readonly seeds: number;
  readonly from: number;
  readonly workers: number;
  readonly trace?: true;
  readonly history?: string;
  readonly shrink: boolean;
}

/** So many failures are looked into; the others are only named. */
const MOST_SHRUNK = 3;

const print = (words: string): void => void process.stdout.write(`${words}\n`);

async function playOne(seed: number, { trace, history, shrink }: Options): Promise<boolean> {
  const { lines, breaches, tally } = await play(scenarioOf(seed));
  if (trace === true) for (const line of lines) print(describeLine(line));
  if (history !== undefined) writeFileSync(history, formatHistory(lines));
  print(`seed ${seed}: ${lines.length} lines, hash ${hashOf(lines)}`);
  print(table(tally));
  printBreaches(breaches);
  if (shrink) await printLeast(seed, breaches);
  return breaches.length === 0;
}

async function playMany({ seeds, from, workers, shrink }: Options): Promise<boolean> {
  const startedAt = performance.now();
  const progress = (played: number, { failures }: Result): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r${played} of ${seeds} seeds, ${failures.length} broken `);
  };
  const { tally, failures } = await playInWorkers({ from, seeds, workers, progress });
  if (process.stderr.isTTY) process.stderr.write("\n");
  const seconds = (performance.now() - startedAt) / 1_000;
  print(`${seeds} seeds from ${from} in ${seconds.toFixed(0)} s with ${workers} workers: ${failures.length} broken`);
  print(table(tally));
  for (const { seed, breaches } of failures) {
    print(`\n${commandOf(seed)}`);
    printBreaches(breaches);
  }
  for (const { seed, breaches } of shrink ? failures.slice(0, MOST_SHRUNK) : []) await printLeast(seed, breaches);
  return failures.length === 0;
}

function printBreaches(breaches: readonly Breach[]): void {
  for (const breach of breaches) print(describeBreach(breach));
}

async function printLeast(seed: number, [first]: readonly Breach[]): Promise<void> {
  if (first !== undefined) print(`\n${await describeLeast(scenarioOf(seed), first)}`);
}

function table(tally: Readonly<Record<string, number>>): string {
  return Object.entries(tally)
    .map(([name, count]) => `  ${name.padEnd(14)}${String(count).padStart(10)}`)
    .join("\n");
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new InvalidArgumentError("must be a whole number");
  return number;
}

// `--trace | head` reads no further.
process.stdout.on("error", () => process.exit());
const options = new Command("sim")
  .description("Plays seeds of the deterministic simulation and checks each history.")
  .option("--seed <number>", "play this one", whole)
  .option("--seeds <count>", "play so many", whole, 2_000)
  .option("--from <number>", "the first of them", whole, 1)
  .option("--workers <count>", "side by side", whole, availableParallelism())
  .option("--trace", "tell everything that happened in the one")
  .option("--history <file>", "write the history of the one, a JSON object a line")
  .option("--no-shrink", "do not look for the fewest faults")
  .parse()
  .opts<Options>();
const isWell = options.seed === undefined ? await playMany(options) : await playOne(options.seed, options);
process.exitCode = isWell ? 0 : 1;
