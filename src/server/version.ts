import { runProgram, type Environment } from "./run-program.ts";

/** The first server whose atomic batches and schedules hold what troupe builds on. */
const MINIMUM_VERSION = "2.14.4";

/** Troupe has not been tried with a later major. */
const SUPPORTED_MAJOR = 2;

const VERSION_DEADLINE_MS = 10_000;

/** `old` also covers another major. `broken`: no program, or one that is no nats-server. */
export type ProgramCheck =
  | { readonly kind: "good"; readonly version: string }
  | { readonly kind: "old"; readonly version: string; readonly detail: string }
  | { readonly kind: "broken"; readonly detail: string };

/** Asks a nats-server for its version. */
export async function checkProgram(path: string, env: Environment, signal?: AbortSignal): Promise<ProgramCheck> {
  const result = await runProgram(path, ["--version"], { env, signal, timeoutMs: VERSION_DEADLINE_MS });
  if (result.kind !== "ok") return { kind: "broken", detail: `${path} does not run: ${result.detail}` };
  const version = parseVersion(result.stdout);
  if (version === undefined) return { kind: "broken", detail: `${path} printed no version of nats-server` };
  if (isSupported(version)) return { kind: "good", version };
  return { kind: "old", version, detail: `found ${version}, need ${MINIMUM_VERSION} or a newer ${SUPPORTED_MAJOR}.x` };
}

/** `nats-server: v2.15.1` → `2.15.1` */
function parseVersion(output: string): string | undefined {
  return /nats-server: v(\d+\.\d+\.\d+\S*)/.exec(output)?.[1];
}

export function isSupported(version: string): boolean {
  return numbers(version)[0] === SUPPORTED_MAJOR && compareVersions(version, MINIMUM_VERSION) >= 0;
}

/** Orders by the three numbers; what follows them (`-RC.1`) does not count. */
export function compareVersions(a: string, b: string): number {
  const right = numbers(b);
  for (const [index, part] of numbers(a).entries()) {
    const difference = part - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbers(version: string): number[] {
  return (/^\d+\.\d+\.\d+/.exec(version)?.[0] ?? "0.0.0").split(".").map(Number);
}
