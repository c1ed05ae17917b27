import { accessSync, constants } from "node:fs";
import { TroupeError, type Fault } from "../core/errors.ts";
import { readContext } from "./context.ts";

/** How to reach NATS and who one is. What is left out comes from the environment, then from a context of the `nats` CLI. */
export interface ConnectionOptions {
  /** `nats://host:port`, `tls://…`; a user, password or token may stand before the host. */
  readonly servers?: string | readonly string[];
  /** What the server's lists of connections call this one. */
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly credsFile?: string;
  readonly nkeySeedFile?: string;
  readonly jwt?: string;
  /** PEM files. An empty object asks for TLS with the machine's own authorities. */
  readonly tls?: { readonly certFile?: string; readonly keyFile?: string; readonly caFile?: string; readonly handshakeFirst?: boolean };
  readonly inboxPrefix?: string;
  /** A context of the `nats` CLI by name; `false` ignores the selected one. */
  readonly context?: string | false;
  /** For the first connection; later ones are tried for ever. Default: 10,000. */
  readonly connectTimeoutMs?: number;
  /** How often the server is asked for a sign of life; a connection that is dead is noticed after at most three times that. Default: 1,500. */
  readonly pingIntervalMs?: number;
}

export type Resolved = Omit<ConnectionOptions, "servers" | "context"> & { readonly servers: readonly string[] };

const DEFAULT_SERVER = "nats://127.0.0.1:4222";
const KNOWN = new Set([
  "servers",
  "name",
  "user",
  "password",
  "token",
  "credsFile",
  "nkeySeedFile",
  "jwt",
  "tls",
  "inboxPrefix",
  "context",
  "connectTimeoutMs",
  "pingIntervalMs",
]);
const INBOX_PREFIX = /^[^\s.*>]+(\.[^\s.*>]+)*$/;

/** @throws bad_options listing every fault */
export function resolveOptions(options: ConnectionOptions, environment: NodeJS.ProcessEnv): Resolved {
  const faults: Fault[] = Object.keys(options)
    .filter((key) => !KNOWN.has(key))
    .map((key) => ({ path: key, message: "is not an option" }));
  const fromEnvironment = readEnvironment(environment);
  const context = contextOf(options, fromEnvironment, environment, faults);
  // A source that names servers speaks for itself: a context's credentials are not sent to a server of the options.
  const sources = [options, fromEnvironment, context];
  const merged = mergeSources(sources);
  const resolved = spreadUrls({ ...merged, servers: listOf(merged.servers) });
  checkResolved(resolved, faults);
  if (faults.length > 0) {
    throw new TroupeError(
      "bad_options",
      `The connection's options are wrong: ${faults.map(({ path, message }) => `${path} ${message}`).join("; ")}`,
      { faults },
    );
  }
  return resolved;
}

function contextOf(
  options: ConnectionOptions,
  fromEnvironment: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  faults: Fault[],
): ConnectionOptions {
  if (options.context === false) return {};
  const name = options.context ?? (environment["NATS_CONTEXT"] || undefined);
  // A selected context is a default for people who say nothing about the server; one that is named counts in any case.
  if (name === undefined && (options.servers !== undefined || fromEnvironment.servers !== undefined)) return {};
  return readContext(name, environment, faults);
}

function readEnvironment(environment: NodeJS.ProcessEnv): ConnectionOptions {
  const of = (name: string): string | undefined => environment[name] || undefined;
  const tls = defined({ certFile: of("NATS_CERT"), keyFile: of("NATS_KEY"), caFile: of("NATS_CA") });
  return defined({
    servers: of("NATS_URL"),
    credsFile: of("NATS_CREDS"),
    nkeySeedFile: of("NATS_NKEY"),
    user: of("NATS_USER"),
    password: of("NATS_PASSWORD"),
    token: of("NATS_TOKEN"),
    tls: Object.keys(tls).length > 0 ? tls : undefined,
  });
}

const IDENTITY = ["user", "password", "token", "credsFile", "nkeySeedFile", "jwt"] as const;

/** Earlier sources win. Who one is comes from one source only: a user of one with the password of another is nobody. */
function mergeSources(sources: readonly ConnectionOptions[]): ConnectionOptions {
  const identity = sources.find((source) => IDENTITY.some((key) => source[key] !== undefined)) ?? {};
  const merged = Object.assign({}, ...sources.toReversed().map((source) => defined(source))) as Record<string, unknown>;
  for (const key of IDENTITY) {
    if (identity[key] === undefined) delete merged[key];
    else merged[key] = identity[key];
  }
  return merged;
}

function listOf(servers: ConnectionOptions["servers"]): readonly string[] {
  const list = servers === undefined ? [] : typeof servers === "string" ? servers.split(",") : servers;
  const trimmed = list.map((server) => server.trim()).filter((server) => server !== "");
  return trimmed.length > 0 ? trimmed : [DEFAULT_SERVER];
}

const URL_PATTERN = /^(?:([a-z]+):\/\/)?(?:([^@/]*)@)?([^@/]+)\/?$/i;

/** nats-core ignores a user or token in a URL, so they are taken out of it; and `tls://` only means TLS when it is asked for. */
function spreadUrls(merged: Resolved): Resolved {
  let found: ConnectionOptions = {};
  const servers = merged.servers.map((server) => {
    const [, scheme, login, place] = URL_PATTERN.exec(server) ?? [];
    if (place === undefined) return server;
    if (scheme?.toLowerCase() === "tls") found = { tls: {}, ...found };
    if (login !== undefined && login !== "") found = { ...found, ...loginOf(login) };
    return scheme === undefined ? place : `${scheme}://${place}`;
  });
  const identified = IDENTITY.some((key) => merged[key] !== undefined);
  const { tls, ...login } = found;
  return { ...merged, ...(identified ? {} : login), ...(tls === undefined || merged.tls !== undefined ? {} : { tls }), servers };
}

function loginOf(login: string): ConnectionOptions {
  const colon = login.indexOf(":");
  if (colon < 0) return { token: decodeURIComponent(login) };
  return { user: decodeURIComponent(login.slice(0, colon)), password: decodeURIComponent(login.slice(colon + 1)) };
}

function checkResolved(resolved: Resolved, faults: Fault[]): void {
  const fault = (path: string, message: string): void => void faults.push({ path, message });
  for (const server of resolved.servers) {
    const [, scheme = "nats", , place] = URL_PATTERN.exec(server) ?? [];
    if (place === undefined) fault("servers", `holds "${server}", which is not a server's URL`);
    else if (!["nats", "tls"].includes(scheme.toLowerCase())) fault("servers", `holds "${server}": only nats:// and tls:// are supported`);
  }
  const { tls, credsFile, nkeySeedFile, inboxPrefix, connectTimeoutMs, pingIntervalMs } = resolved;
  const files = { credsFile, nkeySeedFile, "tls.certFile": tls?.certFile, "tls.keyFile": tls?.keyFile, "tls.caFile": tls?.caFile };
  for (const [path, file] of Object.entries(files))
    if (file !== undefined && !isReadable(file)) fault(path, `names ${file}, which cannot be read`);
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined)) fault("tls", "needs certFile and keyFile together");
  if (resolved.password !== undefined && resolved.user === undefined) fault("password", "needs a user");
  if (inboxPrefix !== undefined && !INBOX_PREFIX.test(inboxPrefix)) fault("inboxPrefix", "must be a subject without wildcards");
  if (connectTimeoutMs !== undefined && !(connectTimeoutMs > 0)) fault("connectTimeoutMs", "must be a number above zero");
  if (pingIntervalMs !== undefined && !(pingIntervalMs > 0)) fault("pingIntervalMs", "must be a number above zero");
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Without the keys that are undefined. */
function defined<T extends object>(value: T): { readonly [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    readonly [K in keyof T]: Exclude<T[K], undefined>;
  };
}
