import { createHash } from "node:crypto";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../src/index.ts";
import { checksum, type Checksum } from "./checksum.ts";

/** Files that are under way at once: what bounds the job's memory, beside the report itself. */
const MOST_UNDER_WAY = 256;

/** Every regular file below a folder; links are not followed. One directory is open per level. */
export async function* filesBelow(folder: string): AsyncIterable<string> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** One task for each file, and what they found, in the order of their paths' bytes. */
export async function checksumsOf(client: Client, folder: string, onDone: (done: number) => void = () => {}): Promise<Checksum[]> {
  const found: Checksum[] = [];
  const underWay = new Set<Promise<void>>();
  const job = Date.now().toString(36);
  for await (const path of filesBelow(folder)) {
    // An id may not hold dots, blanks or slashes at will; a hash of the path may stand for it.
    const id = `${job}-${createHash("sha256").update(path).digest("base64url")}`;
    const done = client
      .run(checksum, { path }, { id })
      .then((result) => {
        found.push(result);
        onDone(found.length);
      })
      .finally(() => underWay.delete(done));
    underWay.add(done);
    if (underWay.size >= MOST_UNDER_WAY) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** A line as `sha256sum` writes it: names with a line break or a backslash are escaped, and the line says so with a backslash in front. */
export function formatLine({ sha256, path }: Checksum): string {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === path ? "" : "\\"}${sha256}  ${escaped}\n`;
}
