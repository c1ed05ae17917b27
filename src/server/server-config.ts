/** Who may connect: whoever knows the token of the data directory, or what a text of the server's own configuration language says. */
export type Authorization = { readonly kind: "token" } | { readonly kind: "config"; readonly text: string };

/** `always`: each write is on the disk before it is acknowledged. `interval`: every two minutes, nats-server's default. */
type SyncPolicy = "always" | "interval";

export interface ServerConfig {
  readonly dataDir: string;
  /** -1: the server chooses. */
  readonly port: number;
  readonly sync: SyncPolicy;
  readonly authorization: string;
  readonly extra: string;
}

/**
 * The configuration of a server of our own. It listens on the loopback interface and nowhere else.
 * The batch limits are per stream: the default of 50 is below what many hosts with one batch each in flight need.
 * `extra` comes last, because the last of two equal keys counts.
 */
export function renderConfig(config: ServerConfig): string {
  const sync = config.sync === "always" ? "\n  sync_interval: always" : "";
  return `# Written by troupe at every start of this server: changes are lost.
listen: "127.0.0.1:${config.port}"
ports_file_dir: ${quote(config.dataDir)}
max_payload: 1MB
jetstream {
  store_dir: ${quote(config.dataDir)}${sync}
  limits { batch { max_inflight_per_stream: 200, timeout: "5s" } }
}
${config.authorization}
${config.extra}
`;
}

/** `authorization` for one token. */
export function tokenAuthorization(token: string): string {
  return `authorization { token: ${quote(token)} }`;
}

/** A string of nats-server's configuration language, which knows JSON's escapes of backslash and quote. */
function quote(text: string): string {
  return JSON.stringify(text);
}
