import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Fault } from "../core/errors.ts";
import type { ConnectionOptions } from "./connection-options.ts";

/**
 * Contexts of the `nats` CLI: `$XDG_CONFIG_HOME/nats/context/<name>.json`, the selected one named in `nats/context.txt`.
 */

const CONTEXT_NAME = /^[^/\\\s]+$/;
/** Secret stores that the CLI asks by running programs of its own. */
const UNSUPPORTED_SCHEMES = ["op://", "nsc://"];
/** Settings that change JetStream's own subjects, which ours do not follow. */
const UNSUPPORTED_KEYS = ["jetstream_domain", "jetstream_api_prefix"];

/** @param name the context's; without it the selected one, and none where none is selected */
export function readContext(name: string | undefined, environment: NodeJS.ProcessEnv, faults: Fault[]): ConnectionOptions {
  const folder = join(environment["XDG_CONFIG_HOME"] || join(environment["HOME"] || homedir(), ".config"), "nats");
  const chosen = name ?? readText(join(folder, "context.txt"))?.trim();
  if (chosen === undefined || chosen === "") return {};
  if (!CONTEXT_NAME.test(chosen)) return fail(faults, `"${chosen}" cannot be a context's name`);
  const file = join(folder, "context", `${chosen}.json`);
  const text = readText(file);
  if (text === undefined) return fail(faults, `"${chosen}" does not exist: ${file} cannot be read`);
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return fail(faults, `"${chosen}" is broken: ${file} is not JSON`);
  }
  return optionsOf(content, chosen, environment, faults);
}

function optionsOf(content: Record<string, unknown>, chosen: string, environment: NodeJS.ProcessEnv, faults: Fault[]): ConnectionOptions {
  const of = (key: string): string | undefined => {
    const value = content[key];
    return typeof value === "string" && value !== "" ? resolveValue(value, `${chosen}.${key}`, environment, faults) : undefined;
  };
  for (const key of UNSUPPORTED_KEYS) if (of(key) !== undefined) fail(faults, `"${chosen}" sets ${key}, which troupe does not support`);
  const tls = {
    certFile: of("cert"),
    keyFile: of("key"),
    caFile: of("ca"),
    handshakeFirst: content["tls_first"] === true ? true : undefined,
  };
  const options = {
    servers: of("url"),
    user: of("user"),
    password: of("password"),
    token: of("token"),
    credsFile: of("creds"),
    nkeySeedFile: of("nkey"),
    jwt: of("user_jwt"),
    inboxPrefix: of("inbox_prefix"),
    tls: Object.values(tls).some((value) => value !== undefined) ? withoutGaps(tls) : undefined,
  };
  return withoutGaps(options);
}

/** `env://NAME`, `file://path` and `data:;base64,…` stand for what they name, except where a path is wanted anyway. */
function resolveValue(value: string, path: string, environment: NodeJS.ProcessEnv, faults: Fault[]): string | undefined {
  if (UNSUPPORTED_SCHEMES.some((scheme) => value.startsWith(scheme))) {
    faults.push({
      path: `context.${path}`,
      message: `is ${value.slice(0, value.indexOf("://"))}://, which troupe cannot read; write the value to a file`,
    });
    return undefined;
  }
  if (value.startsWith("env://")) return environment[value.slice("env://".length)] || undefined;
  if (value.startsWith("file://")) {
    const file = value.slice("file://".length);
    return PATH_KEYS.some((key) => path.endsWith(`.${key}`)) ? file : readText(file)?.trim();
  }
  if (value.startsWith("data:"))
    return Buffer.from(value.slice(value.indexOf(",") + 1), value.includes(";base64") ? "base64" : "utf8").toString();
  return value.startsWith("~/") ? join(environment["HOME"] || homedir(), value.slice(2)) : value;
}

const PATH_KEYS = ["creds", "nkey", "cert", "key", "ca"];

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // absent or not ours to read: the caller says what that means
  }
}

function withoutGaps(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}

function fail(faults: Fault[], message: string): ConnectionOptions {
  faults.push({ path: "context", message });
  return {};
}
