/** A nats-server of our own on loopback with a temporary store, for one run of the benchmark. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BenchServer {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const startTimeoutMs = 10_000;

export async function startBenchServer({ syncAlways }: { syncAlways: boolean }): Promise<BenchServer> {
  const binary = process.env["TROUPE_NATS_SERVER"] ?? "nats-server";
  const dir = await mkdtemp(join(tmpdir(), "troupe-bench-"));
  const config = join(dir, "nats.conf");
  const sync = syncAlways ? "sync_interval: always" : "";
  await writeFile(config, `listen: "127.0.0.1:-1"\njetstream {\n  store_dir: "${dir}"\n  ${sync}\n}\n`);
  const child = spawn(binary, ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL"); // the store is thrown away, so no reason to wait for a clean shutdown
      await once(child, "exit");
    }
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const url = await listeningUrl(child);
    return { url, pid: child.pid!, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The port is the server's choice, so it has to be read from its log; later log lines are drained and dropped. */
function listeningUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = "";
    const timer = setTimeout(() => reject(new Error(`nats-server not ready in ${startTimeoutMs} ms:\n${log}`)), startTimeoutMs);
    child.on("error", (error) => reject(new Error(`cannot start nats-server; set TROUPE_NATS_SERVER (${error.message})`)));
    child.on("exit", (code) => reject(new Error(`nats-server exited with ${code}:\n${log}`)));
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      if (log.includes("Server is ready")) return;
      log += chunk;
      const port = /client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port === undefined || !log.includes("Server is ready")) return;
      clearTimeout(timer);
      resolve(`nats://127.0.0.1:${port}`);
    });
  });
}
