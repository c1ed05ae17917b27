import { TroupeError, type ErrorCode } from "../core/errors.ts";
import { fromCache } from "./cache.ts";
import { fromDebian } from "./debian.ts";
import { fromEnvironment, fromPath } from "./installed.ts";
import type { OnProgress, ResolutionStep, ServerSource } from "./progress.ts";
import { fromRelease } from "./release.ts";
import type { Environment } from "./run-program.ts";
import { skipped, type Finding, type Search } from "./search.ts";

/** A nats-server that is new enough, and how it was found. */
export interface ResolvedServer {
  readonly path: string;
  readonly version: string;
  readonly source: ServerSource;
  readonly steps: readonly ResolutionStep[];
}

export interface ResolveOptions {
  readonly env: Environment;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** No server: each step, and why it gave none. */
export class ResolutionError extends TroupeError {
  readonly steps: readonly ResolutionStep[];

  constructor(code: ErrorCode, message: string, steps: readonly ResolutionStep[]) {
    super(code, message);
    this.steps = steps;
  }
}

type Look = (search: Search) => Promise<Finding>;

/**
 * Finds a nats-server, or installs one into the user's cache: TROUPE_NATS_SERVER, PATH, the cache, the pinned official release,
 * Debian's package.
 * @throws ResolutionError with server_path_bad, server_too_old, server_hash_wrong, server_no_network or server_unavailable
 */
export async function resolveServer(options: ResolveOptions): Promise<ResolvedServer> {
  const onProgress = options.onProgress ?? ((): void => undefined);
  return walk({ env: options.env, onProgress, signal: options.signal }, [
    ["env", fromEnvironment],
    ["path", fromPath],
    ["cache", (search) => fromCache(search, "repair")],
    ["release", ifAllowed((search) => fromRelease(search))],
    ["debian", ifAllowed(fromDebian)],
  ]);
}

/** How a server would be found now. A question changes nothing: it downloads nothing, and a damaged cache stays for the next start. */
export async function explainServer({ env }: { readonly env: Environment }): Promise<readonly ResolutionStep[]> {
  const wouldInstall = ifAllowed(async () => skipped("not tried: this only looks; it is tried when a server is needed"));
  try {
    const { steps } = await walk({ env, onProgress: () => undefined, signal: undefined }, [
      ["env", fromEnvironment],
      ["path", fromPath],
      ["cache", (search) => fromCache(search, "look")],
      ["release", wouldInstall],
      ["debian", wouldInstall],
    ]);
    return steps;
  } catch (error) {
    if (error instanceof ResolutionError) return error.steps;
    throw error;
  }
}

function ifAllowed(look: Look): Look {
  return async (search) => {
    const isForbidden = (search.env["TROUPE_NO_DOWNLOAD"] ?? "0") !== "0";
    return isForbidden ? skipped("TROUPE_NO_DOWNLOAD forbids downloads") : look(search);
  };
}

async function walk(search: Search, looks: readonly (readonly [ServerSource, Look])[]): Promise<ResolvedServer> {
  const steps: ResolutionStep[] = [];
  let code: ErrorCode = "server_unavailable";
  for (const [source, look] of looks) {
    const finding = await attempt(look, search);
    const step = describe(source, finding);
    steps.push(step);
    search.onProgress({ kind: "step", step });
    if (finding.kind === "found") return { path: finding.path, version: finding.version, source, steps };
    if (finding.kind === "fatal") throw new ResolutionError(finding.code, finding.detail, steps);
    if (finding.kind === "failed" && finding.reason === "network") code = "server_no_network";
  }
  const lines = steps.map(({ step, outcome, detail }) => `  ${step}: ${outcome}: ${detail}`);
  throw new ResolutionError(code, `no nats-server was found:\n${lines.join("\n")}`, steps);
}

/** A full disk or a cache that cannot be written fails its step, not the search. */
async function attempt(look: Look, search: Search): Promise<Finding> {
  try {
    return await look(search);
  } catch (error) {
    search.signal?.throwIfAborted();
    return { kind: "failed", reason: "other", detail: error instanceof Error ? error.message : String(error) };
  }
}

function describe(step: ServerSource, finding: Finding): ResolutionStep {
  switch (finding.kind) {
    case "found":
      return { step, outcome: "used", detail: `${finding.path} (${finding.version})` };
    case "skipped":
      return { step, outcome: "skipped", detail: finding.detail };
    case "failed":
    case "fatal":
      return { step, outcome: "failed", detail: finding.detail };
  }
}
