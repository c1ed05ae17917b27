import { readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** What a ready server says of itself. */
export interface Ready {
  readonly port: number;
  readonly version: string;
}

const POLL_MS = 5;
const PORTS_FILE = /_(\d+)\.ports$/;

/** Files that servers which were killed have left behind: the pid in their names may be used again. */
export async function removePortsFiles(dataDir: string): Promise<void> {
  const names = await readdir(dataDir);
  await Promise.all(names.filter((name) => PORTS_FILE.test(name)).map((name) => rm(join(dataDir, name), { force: true })));
}

/**
 * Waits until the server of this pid has written its ports file, which it does when it listens, then reads its greeting.
 * @throws the signal's reason
 */
export async function waitUntilReady(dataDir: string, pid: number, signal: AbortSignal): Promise<Ready> {
  for (;;) {
    const port = await readPort(dataDir, pid);
    const version = port === undefined ? undefined : await readGreeting(port, signal);
    if (port !== undefined && version !== undefined) return { port, version };
    await delay(POLL_MS, undefined, { signal });
  }
}

async function readPort(dataDir: string, pid: number): Promise<number | undefined> {
  const names = await readdir(dataDir);
  const name = names.find((candidate) => PORTS_FILE.exec(candidate)?.[1] === String(pid));
  if (name === undefined) return undefined;
  try {
    const ports = JSON.parse(await readFile(join(dataDir, name), "utf8")) as { nats?: string[] };
    const url = ports.nats?.[0];
    return url === undefined ? undefined : Number(new URL(url).port);
  } catch {
    return undefined; // half written
  }
}

/** `INFO {"version":"2.15.1",…}`: the first line of every connection. `undefined` when there is none. */
function readGreeting(port: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, signal });
    let text = "";
    const finish = (version: string | undefined): void => {
      socket.destroy();
      resolve(version);
    };
    socket.setEncoding("utf8");
    socket.on("error", () => finish(undefined)).on("close", () => finish(undefined));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\r\n")) finish(/"version":"([^"]+)"/.exec(text)?.[1]);
    });
  });
}
