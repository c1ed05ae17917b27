import { styleText } from "node:util";
import { ERROR_CODES, isErrorCode, toErrorRecord } from "../core/errors.ts";

export const FORMATS = ["table", "json", "jsonl"] as const;
export type Format = (typeof FORMATS)[number];

/** Rows as they are shown to people; the same values go out as JSON for scripts. */
export type Row = Readonly<Record<string, unknown>>;

/** Data, and nothing but data, on stdout: a table for people, JSON for scripts. */
export function printRows(rows: readonly Row[], columns: readonly string[], format: Format): void {
  if (format === "json") write(`${JSON.stringify(rows, undefined, 2)}\n`);
  else if (format === "jsonl") for (const row of rows) write(`${JSON.stringify(row)}\n`);
  else write(tableOf(rows, columns));
}

export function printOne(value: Row, columns: readonly string[], format: Format): void {
  if (format === "table")
    write(
      columns
        .filter((name) => value[name] !== undefined)
        .map((name) => `${heading(name.padEnd(12))} ${cell(value[name])}\n`)
        .join(""),
    );
  else write(`${JSON.stringify(value, undefined, format === "json" ? 2 : undefined)}\n`);
}

/** An error on stderr: words and what to do for people, JSON for scripts. A stack only where it is asked for. */
export function printError(error: unknown, format: Format): void {
  const record = toErrorRecord(error);
  const remedy = isErrorCode(record.code) ? ERROR_CODES[record.code][1] : undefined;
  if (format !== "table")
    process.stderr.write(`${JSON.stringify({ error: { ...record, ...(remedy === undefined ? {} : { remedy }) } })}\n`);
  else {
    process.stderr.write(`troupe: ${record.message}\n`);
    if (remedy !== undefined) process.stderr.write(`  what to do: ${remedy}\n`);
  }
  if (process.env["TROUPE_DEBUG"] === "1" && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
}

/** Whatever is not data. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function tableOf(rows: readonly Row[], columns: readonly string[]): string {
  const cells = rows.map((row) => columns.map((name) => cell(row[name])));
  const widths = columns.map((name, i) => Math.max(name.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (words: readonly string[]): string =>
    words
      .map((word, i) => word.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[heading(line(columns)), ...cells.map(line)].join("\n")}\n`;
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Colour only for a person at a terminal who has not asked for none. */
function heading(text: string): string {
  const wanted = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
  return wanted ? styleText("bold", text, { validateStream: false }) : text;
}

function write(text: string): void {
  process.stdout.write(text);
}
