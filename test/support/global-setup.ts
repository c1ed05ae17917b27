import { describeProgress } from "../../src/server/progress.ts";
import { resolveServer } from "../../src/server/resolve.ts";

/** One nats-server for all files, found or installed once, before any of them starts its own. */
export default async function setup(): Promise<void> {
  const { path } = await resolveServer({
    env: process.env,
    onProgress: (progress) => process.stderr.write(`${describeProgress(progress)}\n`),
  });
  process.env["TROUPE_NATS_SERVER"] = path;
}
