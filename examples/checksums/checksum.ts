import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { defineTask } from "../../src/index.ts";

export interface Checksum {
  readonly path: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** One file's SHA-256 and size. The file goes through in pieces, so memory does not depend on its size. */
export const checksum = defineTask<{ path: string }, Checksum>({
  name: "checksum",
  retention: { done: "1h" },
  run: async ({ input: { path }, signal }) => {
    const hash = createHash("sha256");
    const file = createReadStream(path);
    await pipeline(file, hash, { signal });
    return { path, sha256: hash.digest("hex"), bytes: file.bytesRead };
  },
});
