import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer, type EmbeddedServer, type EmbeddedServerOptions } from "../../src/server/embedded.ts";
import { resolveServer } from "../../src/server/resolve.ts";

/** A directory that was given stays after the stop, so that another server can go on in it. */
export type TestServerOptions = Partial<Omit<EmbeddedServerOptions, "serverPath" | "env" | "onProgress">>;

let program: Promise<string> | undefined;

/**
 * A real nats-server with a directory of its own, both gone after `stop()`:
 * `await using server = await startServer();`
 */
export async function startServer(options: TestServerOptions = {}): Promise<EmbeddedServer> {
  program ??= resolveServer({ env: process.env }).then(({ path }) => path);
  const serverPath = await program;
  if (options.dataDir !== undefined) return startEmbeddedServer({ ...options, dataDir: options.dataDir, serverPath });
  const dataDir = await mkdtemp(join(tmpdir(), "troupe-server-"));
  const removeDir = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
  try {
    const server = await startEmbeddedServer({ ...options, dataDir, serverPath });
    const stop = (): Promise<void> => server.stop().then(removeDir);
    return { ...server, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await removeDir();
    throw error;
  }
}
