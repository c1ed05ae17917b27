import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { defineTask } from "../../src/index.ts";

export interface Checksum {
  readonly path: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** How a file is read: in pieces, so that memory does not depend on its size, or whole, where that fails. */
export type Reader = "pieces" | "whole";

export interface FileInput {
  readonly path: string;
  readonly reader: Reader;
}

/** One file's SHA-256 and size. */
export const checksum = defineTask<FileInput, Checksum>({
  name: "checksum",
  retention: { done: "1m" },
  retry: { attempts: 1 },
  run: async ({ input: { path, reader }, signal }) => {
    const hash = createHash("sha256");
    if (reader === "whole") {
      const content = await readFile(path, { signal });
      return { path, sha256: hash.update(content).digest("hex"), bytes: content.length };
    }
    const file = createReadStream(path);
    await pipeline(file, hash, { signal });
    return { path, sha256: hash.digest("hex"), bytes: file.bytesRead };
  },
});
