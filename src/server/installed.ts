import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Environment } from "./run-program.ts";
import { skipped, type Finding, type Search } from "./search.ts";
import { checkProgram } from "./version.ts";

/** Step 1: the program that the user names. Never falls through: whoever names one does not want another. */
export async function fromEnvironment({ env, signal }: Search): Promise<Finding> {
  const path = env["TROUPE_NATS_SERVER"];
  if (path === undefined || path === "") return skipped("TROUPE_NATS_SERVER is not set");
  const check = await checkProgram(path, env, signal);
  if (check.kind === "good") return { kind: "found", path, version: check.version };
  if (check.kind === "broken") return { kind: "fatal", code: "server_path_bad", detail: check.detail };
  return { kind: "fatal", code: "server_too_old", detail: `${path}: ${check.detail}` };
}

/** Step 2: what the system has installed, when it is new enough. */
export async function fromPath({ env, signal }: Search): Promise<Finding> {
  const path = await findOnPath("nats-server", env);
  if (path === undefined) return skipped("no nats-server on PATH");
  const check = await checkProgram(path, env, signal);
  if (check.kind === "good") return { kind: "found", path, version: check.version };
  return skipped(check.kind === "old" ? `${path}: ${check.detail}` : check.detail);
}

/** The first program of this name that may be run. */
export async function findOnPath(name: string, env: Environment): Promise<string | undefined> {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  for (const folder of (env["PATH"] ?? env["Path"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, file);
    const isRunnable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isRunnable) return path;
  }
  return undefined;
}
