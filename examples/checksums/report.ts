import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Checksum } from "./checksum.ts";

/** A line as `sha256sum` writes it: names with a line break or a backslash are escaped, and the line says so with a backslash in front. */
export function formatLine({ sha256, path }: Checksum): string {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === path ? "" : "\\"}${sha256}  ${escaped}\n`;
}

/** What one folder has found, for the report; whole or not at all, however often it is written. */
export async function writePart(path: string, found: readonly Checksum[]): Promise<void> {
  await writeWhole(path, JSON.stringify(found));
}

/** One report of all parts, in the order of the paths' bytes; how much is in it. */
export async function writeReport(path: string, parts: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const found: Checksum[] = [];
  for (const name of await readdir(parts))
    if (name.endsWith(".json")) found.push(...(JSON.parse(await readFile(join(parts, name), "utf8")) as Checksum[]));
  found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  await writeWhole(path, found.map(formatLine).join(""));
  return { files: found.length, bytes: found.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
