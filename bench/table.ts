/** Tables of the benchmark: aligned for a terminal, and valid Markdown, so they can be pasted into the README. */
import type { Spread } from "./statistics.ts";

export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

export function formatNumber(value: number, decimals = 0): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** `12,345 [12,000-13,000]` */
export function formatSpread({ median, min, max }: Spread, decimals = 0): string {
  return `${formatNumber(median, decimals)} [${formatNumber(min, decimals)}-${formatNumber(max, decimals)}]`;
}
