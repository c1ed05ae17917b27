import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve as absolute } from "node:path";
import { TroupeError } from "../core/errors.ts";
import { claimDirectory, type Ownership } from "./ownership.ts";
import { removePortsFiles, waitUntilReady, type Ready } from "./readiness.ts";
import { resolveServer } from "./resolve.ts";
import type { Progress } from "./progress.ts";
import type { Environment } from "./run-program.ts";
import { renderConfig, tokenAuthorization, type Authorization } from "./server-config.ts";
import { spawnServer, type ServerProcess } from "./server-process.ts";

export interface EmbeddedServerOptions {
  /** Everything of this server: its store, configuration, token and log. Made when missing; nobody else may read it. */
  readonly dataDir: string;
  /** Default: a free one. With a port, the url is the same after every restart in the same directory. */
  readonly port?: number;
  /** A program to run instead of what {@link resolveServer} finds; named by the caller, hence checked the same way as TROUPE_NATS_SERVER. */
  readonly serverPath?: string;
  readonly env?: Environment;
  readonly onProgress?: (progress: Progress) => void;
  /** Each write is on the disk before it is acknowledged. Default: false, as in nats-server. */
  readonly syncAlways?: boolean;
  readonly authorization?: Authorization;
  /** More text of nats-server's configuration language; of two equal keys this one counts. */
  readonly config?: string;
}

/** A nats-server on the loopback interface that ends with this process. */
export interface EmbeddedServer extends AsyncDisposable {
  /** With the token, where one is needed. */
  readonly url: string;
  readonly port: number;
  /** `undefined` where a configuration of the caller's decides who may connect. */
  readonly token: string | undefined;
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
  /** Settles when it has ended, also when nobody asked for that, with how. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

const READY_DEADLINE_MS = 15_000;
const TOKEN_BYTES = 24;

/**
 * Finds nats-server and starts one of our own.
 * @throws server_failed with the server's last words, and what {@link resolveServer} throws
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const env = options.env ?? process.env;
  const onProgress = options.onProgress === undefined ? {} : { onProgress: options.onProgress };
  const { path } = await resolveServer({ env: withPath(env, options.serverPath), ...onProgress });
  const dataDir = absolute(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await chmod(dataDir, 0o700); // it may have existed
  const configPath = join(dataDir, "nats-server.conf");
  const ownership = await claimDirectory(dataDir, configPath);
  try {
    const token = options.authorization?.kind === "config" ? undefined : await keepToken(join(dataDir, "token"));
    await writeConfig(configPath, options, dataDir, token);
    await removePortsFiles(dataDir);
    const server = spawnServer({ program: path, configPath, logPath: join(dataDir, "nats-server.log"), env });
    await ownership.handOver(server.pid).catch((error: unknown) => server.stop().then(() => Promise.reject(error)));
    return present(server, await ready(server, dataDir), { dataDir, token, ownership });
  } catch (error) {
    await ownership.release();
    throw error;
  }
}

function withPath(env: Environment, serverPath: string | undefined): Environment {
  return serverPath === undefined ? env : { ...env, TROUPE_NATS_SERVER: serverPath };
}

/** One token per directory for good, so that clients with the url survive a restart of the server. */
async function keepToken(path: string): Promise<string> {
  const kept = await readFile(path, "utf8").catch(() => "");
  if (kept.length > 0) return kept;
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  await writeFile(`${path}.new`, token, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return token;
}

async function writeConfig(path: string, options: EmbeddedServerOptions, dataDir: string, token: string | undefined): Promise<void> {
  const { authorization } = options;
  const text = renderConfig({
    dataDir,
    port: options.port === undefined || options.port === 0 ? -1 : options.port,
    sync: options.syncAlways === true ? "always" : "interval",
    authorization: authorization?.kind === "config" ? authorization.text : tokenAuthorization(token ?? ""),
    extra: options.config ?? "",
  });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** @throws server_failed, after the server has ended */
async function ready(server: ServerProcess, dataDir: string): Promise<Ready> {
  const giveUp = new AbortController();
  const deadline = setTimeout(() => giveUp.abort(new Error(`not ready after ${READY_DEADLINE_MS / 1000} s`)), READY_DEADLINE_MS);
  void server.ended.then((how) => giveUp.abort(new Error(`it ended with ${how}`)));
  try {
    return await waitUntilReady(dataDir, server.pid, giveUp.signal);
  } catch (error) {
    await server.stop();
    const reason: unknown = giveUp.signal.aborted ? giveUp.signal.reason : error;
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new TroupeError("server_failed", `nats-server did not start: ${why}\n${server.lastWords()}`, { cause: error });
  } finally {
    clearTimeout(deadline);
  }
}

interface Holding {
  readonly dataDir: string;
  readonly token: string | undefined;
  readonly ownership: Ownership;
}

function present(server: ServerProcess, { port, version }: Ready, { dataDir, token, ownership }: Holding): EmbeddedServer {
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= server.stop().then(() => ownership.release()));
  const url = token === undefined ? `nats://127.0.0.1:${port}` : `nats://${token}@127.0.0.1:${port}`;
  return { url, port, token, pid: server.pid, dataDir, version, ended: server.ended, stop, [Symbol.asyncDispose]: stop };
}
