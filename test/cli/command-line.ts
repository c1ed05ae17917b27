import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const DEADLINE_MS = 20_000;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the built command line as a process of its own, with nothing of this environment but what is given. */
export async function troupe(
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: string } = {},
): Promise<Ran> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, TROUPE_NATS_SERVER: process.env["TROUPE_NATS_SERVER"], ...options.env };
  const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ["pipe", "pipe", "pipe"], timeout: DEADLINE_MS });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(options.stdin ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
