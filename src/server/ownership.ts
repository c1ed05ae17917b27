import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TroupeError } from "../core/errors.ts";
import { isAlive, isRunning } from "./liveness.ts";

/**
 * One data directory, one server: nats-server itself does not lock its store, and two of them in one would destroy it.
 * The file `owner.json` says who has it; it is made with O_EXCL, so of two starters one loses.
 */

/** `starting`: a process of ours is about to start a server. `running`: this server has the directory. */
interface Owner {
  readonly state: "starting" | "running";
  readonly pid: number;
  /** Who holds the other end of the server's watch: once it is gone, the server is on its way out. */
  readonly parentPid: number;
  readonly sinceMs: number;
}

/** A right to the directory; given back by {@link Ownership.release}. */
export interface Ownership {
  /** The server runs now: from here on its life decides. */
  handOver(serverPid: number): Promise<void>;
  release(): Promise<void>;
}

/** A start takes 15 s at most; a claim that is older was left by a process that died in between. */
const STARTING_CLAIM_MAX_AGE_MS = 30_000;
/** An orphaned server is stopped by its watch within ten seconds. */
const ORPHAN_DEADLINE_MS = 12_000;
const POLL_MS = 20;

/**
 * Claims a data directory for a server that will run with this configuration file.
 * @throws server_failed when a living server has it
 */
export async function claimDirectory(dataDir: string, configPath: string): Promise<Ownership> {
  const path = join(dataDir, "owner.json");
  const deadlineMs = Date.now() + ORPHAN_DEADLINE_MS;
  while (!(await create(path))) {
    const owner = await read(path);
    if (owner === undefined || !isHeld(owner, configPath)) await discard(path, owner);
    else if (isAlive(owner.parentPid) || Date.now() > deadlineMs)
      throw new TroupeError("server_failed", `a nats-server (pid ${owner.pid}) already uses ${dataDir}`);
    else await delay(POLL_MS);
  }
  return {
    handOver: (serverPid) => replace(path, { state: "running", pid: serverPid, parentPid: process.pid, sinceMs: Date.now() }),
    release: () => rm(path, { force: true }),
  };
}

function isHeld(owner: Owner, configPath: string): boolean {
  if (owner.state === "running") return isRunning(owner.pid, configPath);
  return isAlive(owner.pid) && Date.now() - owner.sinceMs < STARTING_CLAIM_MAX_AGE_MS;
}

async function create(path: string): Promise<boolean> {
  const owner: Owner = { state: "starting", pid: process.pid, parentPid: process.pid, sinceMs: Date.now() };
  try {
    await writeFile(path, JSON.stringify(owner), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function replace(path: string, owner: Owner): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, JSON.stringify(owner), { mode: 0o600 });
  await rename(fresh, path);
}

/** `undefined` for a file that is gone or was never finished. */
async function read(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

/** Moves a dead claim away; one that somebody else has put there meanwhile goes back. */
async function discard(path: string, seen: Owner | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await read(aside);
  const isTheOneSeen = moved === undefined || (moved.pid === seen?.pid && moved.sinceMs === seen.sinceMs);
  await (isTheOneSeen ? rm(aside, { force: true }) : rename(aside, path));
}
