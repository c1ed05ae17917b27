/** `npm run demo [-- folder]`: a checksum of every file below a folder, one task each; the report is in sha256sum's own form. */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost, startEmbeddedServer } from "../../src/index.ts";
import { describeProgress } from "../../src/server/progress.ts";
import { checksum } from "./checksum.ts";
import { checksumsOf, formatLine } from "./report.ts";

const folder = process.argv[2] ?? "node_modules";
const report = join(".troupe", "checksums.txt");
const dataDir = await mkdtemp(join(tmpdir(), "troupe-demo-"));
const server = await startEmbeddedServer({ dataDir, onProgress: (progress) => console.error(describeProgress(progress)) });
const host = await createHost({ nats: server.url, actors: [checksum], concurrency: 32 });
try {
  const startedAt = performance.now();
  const found = await checksumsOf(host.client, folder, (done) => {
    if (process.stderr.isTTY && done % 100 === 0) process.stderr.write(`\r${done} files`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const bytes = found.reduce((sum, each) => sum + each.bytes, 0);
  await mkdir(".troupe", { recursive: true });
  await writeFile(report, found.map(formatLine).join(""));
  if (process.stderr.isTTY) process.stderr.write("\r");
  console.log(
    `${found.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB in ${seconds.toFixed(1)} s (${Math.round(found.length / seconds)} tasks/s)`,
  );
  console.log(`report: ${report}; check it with: sha256sum --check --quiet ${report}`);
} finally {
  await host.drain();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
