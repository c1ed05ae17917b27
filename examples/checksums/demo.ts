/** `npm run demo [-- folder]`: a checksum of every file below a folder, as a plan of plans; the report is in sha256sum's own form. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost, startEmbeddedServer } from "../../src/index.ts";
import { describeProgress } from "../../src/server/progress.ts";
import { checksum } from "./checksum.ts";
import { folder, removePart, tree } from "./tree.ts";

const report = join(".troupe", "checksums.txt");
const dataDir = await mkdtemp(join(tmpdir(), "troupe-demo-"));
await mkdir(".troupe", { recursive: true });
const server = await startEmbeddedServer({ dataDir, onProgress: (progress) => console.error(describeProgress(progress)) });
const host = await createHost({ nats: server.url, actors: [tree, folder, checksum, removePart], concurrency: 32 });
try {
  const startedAt = performance.now();
  const ref = await host.client.start(tree, { input: { folder: process.argv[2] ?? "node_modules", report } });
  for await (const { state, progress } of ref.watch()) {
    if (process.stderr.isTTY) process.stderr.write(`\r${progress?.done ?? 0} of ${progress?.total ?? 0}`);
    if (state !== "undo" && state !== "doing") break;
  }
  const { files, bytes } = await ref.result();
  const seconds = (performance.now() - startedAt) / 1000;
  if (process.stderr.isTTY) process.stderr.write("\r");
  console.log(`${files} files, ${(bytes / 2 ** 20).toFixed(1)} MiB in ${seconds.toFixed(1)} s (${Math.round(files / seconds)} tasks/s)`);
  console.log(`report: ${report}; check it with: sha256sum --check --quiet ${report}`);
} finally {
  await host.drain();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
