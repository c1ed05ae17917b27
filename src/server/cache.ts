import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Environment } from "./run-program.ts";
import { skipped, type Finding, type Search } from "./search.ts";
import { checkProgram, compareVersions, isSupported } from "./version.ts";

/**
 * Where installed servers are kept: `<cache>/troupe/nats-server/<version>-<os>-<arch>/`, the program and its hash beside it.
 * Folders are filled aside and renamed into place, so that processes that install at once cannot meet a half-written one.
 */

/** What discovery may do with an entry that is damaged. */
export type CacheMode = "look" | "repair";

const PROGRAM = process.platform === "win32" ? "nats-server.exe" : "nats-server";
const HASH_FILE = "nats-server.sha256";
const FRESH_PREFIX = ".new-";
/** No installation takes this long: what is older was left by one that was killed. */
const FRESH_MAX_AGE_MS = 3_600_000;

/** Step 3: the newest server that an earlier step 4 or 5 has left, when it is still what it was. */
export async function fromCache(search: Search, mode: CacheMode): Promise<Finding> {
  const root = cacheRoot(search.env);
  const notes: string[] = [];
  for (const version of await cachedVersions(root)) {
    const folder = join(root, `${version}-${platformName()}`);
    const finding = await checkEntry(folder, search);
    if (finding.kind === "found") return finding;
    if (finding.kind === "skipped") notes.push(finding.detail);
    if (mode === "repair") await rm(folder, { recursive: true, force: true });
  }
  return skipped(notes.length === 0 ? `nothing in ${root}` : notes.join("; "));
}

/** Puts a program into the cache and says where it is; the same version of another process that was faster is as good. */
export async function keepInCache(program: string, version: string, env: Environment): Promise<string> {
  const root = cacheRoot(env);
  const fresh = await makeFreshFolder(env);
  try {
    await copyFile(program, join(fresh, PROGRAM));
    await chmod(join(fresh, PROGRAM), 0o755);
    await writeFile(join(fresh, HASH_FILE), `${await hashFile(join(fresh, PROGRAM))}\n`);
    const folder = join(root, `${version}-${platformName()}`);
    await rename(fresh, folder).catch(async (error: unknown) => {
      if (!(await isIntact(folder))) throw error;
    });
    return join(folder, PROGRAM);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** A folder of one's own to download and unpack in; to be removed by whoever asked for it. */
export async function makeFreshFolder(env: Environment): Promise<string> {
  const root = cacheRoot(env);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await removeForgotten(root);
  const folder = join(root, `${FRESH_PREFIX}${randomUUID()}`);
  await mkdir(folder, { mode: 0o755 });
  return folder;
}

/** `linux-amd64`: the names that the official releases use. */
export function platformName(): string {
  const os = process.platform === "win32" ? "windows" : process.platform;
  return `${os}-${process.arch === "x64" ? "amd64" : process.arch}`;
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

function cacheRoot(env: Environment): string {
  const local = process.platform === "win32" ? env["LOCALAPPDATA"] : undefined;
  const base = env["XDG_CACHE_HOME"] || local || join(env["HOME"] || homedir(), ".cache");
  return join(base, "troupe", "nats-server");
}

/** Newest first. */
async function cachedVersions(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  const suffix = `-${platformName()}`;
  const versions = names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
  return versions.filter(isSupported).sort((a, b) => compareVersions(b, a));
}

async function checkEntry(folder: string, { env, signal }: Search): Promise<Finding> {
  const path = join(folder, PROGRAM);
  if (!(await isIntact(folder))) return skipped(`${path} is not what was installed (its SHA-256 differs): discarded`);
  const check = await checkProgram(path, env, signal);
  return check.kind === "good" ? { kind: "found", path, version: check.version } : skipped(`${check.detail}: discarded`);
}

async function isIntact(folder: string): Promise<boolean> {
  try {
    const recorded = await readFile(join(folder, HASH_FILE), "utf8");
    return recorded.trim() === (await hashFile(join(folder, PROGRAM)));
  } catch {
    return false;
  }
}

async function removeForgotten(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(FRESH_PREFIX)) continue;
    const path = join(root, name);
    const madeAtMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - madeAtMs > FRESH_MAX_AGE_MS) await rm(path, { recursive: true, force: true });
  }
}
