import { SingleBar } from "cli-progress";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { Client } from "../client.ts";
import type { StartRequest } from "../start-request.ts";
import type { StartLane } from "../core/address.ts";
import type { Duration } from "../core/duration.ts";
import { toErrorRecord, TroupeError } from "../core/errors.ts";
import type { OutputFlags } from "./connection-flags.ts";
import { EXIT } from "./exit-codes.ts";
import { printOne, printRows, say, type Row } from "./output.ts";

export interface SubmitFlags {
  readonly id?: string;
  readonly priority: StartLane;
  readonly delay?: Duration;
  readonly deadline?: string;
  readonly lines?: string;
  readonly wait?: true;
  readonly timeout?: Duration;
}

type Flags = SubmitFlags & OutputFlags;

/** Requests of `--lines` that are under way at once. */
const MOST_UNDER_WAY = 256;

/** One task; its result where that was asked for. Resolves to the exit code. */
export async function submitOne(client: Client, type: string, input: string | undefined, flags: Flags): Promise<number> {
  const request = requestOf(await readInput(input), flags);
  if (flags.wait !== true) {
    const ref = await client.start(type, request);
    printOne({ type, id: ref.id, state: "undo" }, ["type", "id", "state"], flags.output);
    return EXIT.ok;
  }
  const output = await client.run(type, request.input, { ...request, ...(flags.timeout === undefined ? {} : { timeout: flags.timeout }) });
  if (flags.output === "table") process.stdout.write(`${typeof output === "string" ? output : JSON.stringify(output)}\n`);
  else printOne({ type, state: "done", output }, [], flags.output);
  return EXIT.ok;
}

/** A task for each line; one row for each, in the order in which they end. Resolves to the exit code. */
export async function submitLines(client: Client, type: string, file: string, flags: Flags): Promise<number> {
  if (flags.id !== undefined) throw new TroupeError("bad_options", "--id names one task; leave it out with --lines");
  const rows: Row[] = [];
  const show = (row: Row): void => (flags.output === "jsonl" ? printRows([row], [], "jsonl") : void rows.push(row));
  const bar =
    process.stderr.isTTY && flags.wait === true
      ? new SingleBar({ stream: process.stderr, format: "{bar} {value}/{total} done, {failed} failed" })
      : undefined;
  let failed = 0;
  let total = 0;
  let ended = 0;
  bar?.start(0, 0, { failed });
  await eachLine(file, async (line) => {
    bar?.setTotal(++total);
    const row = await submitLine(client, type, line, flags);
    if (row["error"] !== undefined) failed++;
    bar?.update(++ended, { failed });
    show(row);
  });
  bar?.stop();
  if (flags.output !== "jsonl") printRows(rows, ["type", "id", "state", "output", "error"], flags.output);
  if (failed > 0) say(`troupe: ${failed} of ${rows.length || ended} failed`);
  return failed > 0 ? EXIT.partial : EXIT.ok;
}

async function submitLine(client: Client, type: string, line: string, flags: Flags): Promise<Row> {
  try {
    const request = requestOf(parse(line), flags);
    const ref = await client.start(type, request);
    if (flags.wait !== true) return { type, id: ref.id, state: "undo" };
    const output = await ref.result(flags.timeout === undefined ? {} : { timeout: flags.timeout });
    return { type, id: ref.id, state: "done", output };
  } catch (error) {
    return { type, state: "failed", error: toErrorRecord(error) };
  }
}

async function eachLine(file: string, visit: (line: string) => Promise<void>): Promise<void> {
  const lines = createInterface({ input: file === "-" ? process.stdin : createReadStream(file), crlfDelay: Infinity });
  const underWay = new Set<Promise<void>>();
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const visited = visit(line).finally(() => underWay.delete(visited));
    underWay.add(visited);
    if (underWay.size >= MOST_UNDER_WAY) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

function requestOf(input: unknown, { id, priority, delay, deadline }: Flags): StartRequest {
  return {
    priority,
    ...(input === undefined ? {} : { input }),
    ...(id === undefined ? {} : { id }),
    ...(delay === undefined ? {} : { delay }),
    ...(deadline === undefined ? {} : { deadline }),
  };
}

/** JSON as it is, from `@file`, or from standard input. @throws bad_payload */
export async function readInput(input: string | undefined): Promise<unknown> {
  if (input === undefined) return undefined;
  if (input === "-") return parse(await text(process.stdin));
  return parse(input.startsWith("@") ? await readFile(input.slice(1), "utf8") : input);
}

/** @throws bad_payload */
function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (cause) {
    throw new TroupeError("bad_payload", `The input is not JSON: ${(cause as Error).message}`, { cause });
  }
}
