import { rm } from "node:fs/promises";
import { join } from "node:path";
import { hashFile, keepInCache, makeFreshFolder, platformName } from "./cache.ts";
import { download } from "./download.ts";
import { findOnPath } from "./installed.ts";
import { runProgram } from "./run-program.ts";
import { failed, skipped, type Finding, type Search } from "./search.ts";
import { checkProgram } from "./version.ts";

/** One official release, and the SHA-256 of each archive of it that we have seen. Others are not downloaded: a release has no signature. */
export interface PinnedRelease {
  readonly version: string;
  readonly sha256: Readonly<Record<string, string>>;
}

const PINNED: PinnedRelease = {
  version: "2.14.5",
  sha256: {
    "linux-amd64": "5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355",
    "linux-arm64": "673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c",
    "windows-amd64": "f66f840a211ab665083b88e9b7edbcf6296cda143be47e53e6f6bb8520692bbb",
  },
};

const RELEASES_URL = "https://github.com/nats-io/nats-server/releases/download";
const UNPACK_DEADLINE_MS = 60_000;

/** Step 4: the pinned official release. A wrong hash ends the search: somebody is tampering, and a fall-back would hide it. */
export async function fromRelease(search: Search, release: PinnedRelease = PINNED): Promise<Finding> {
  const platform = platformName();
  const sha256 = release.sha256[platform];
  if (sha256 === undefined) return skipped(`no hash is pinned for ${platform}, and what has none is not downloaded`);
  const folder = await makeFreshFolder(search.env);
  try {
    const extension = process.platform === "win32" ? "zip" : "tar.gz";
    const name = `nats-server-v${release.version}-${platform}`;
    const base = (search.env["TROUPE_NATS_MIRROR"] || RELEASES_URL).replace(/\/+$/, "");
    const url = `${base}/v${release.version}/${name}.${extension}`;
    search.onProgress({ kind: "installing", step: "release", detail: `downloading ${url}` });
    const archive = join(folder, `archive.${extension}`);
    const result = await download(url, archive, search);
    if (result.kind !== "done") return failed(result.detail, result.kind === "unreachable" ? "network" : "other");
    const actual = await hashFile(archive);
    if (actual !== sha256)
      return { kind: "fatal", code: "server_hash_wrong", detail: `${url} has SHA-256 ${actual}, the pinned release has ${sha256}` };
    return await unpack({ archive, folder, name }, search);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Archive {
  readonly archive: string;
  readonly folder: string;
  /** Of the one folder in the archive. */
  readonly name: string;
}

/** Windows' own tar reads zip files too. */
async function unpack({ archive, folder, name }: Archive, { env, signal }: Search): Promise<Finding> {
  const tar = await findOnPath("tar", env);
  if (tar === undefined) return failed("there is no tar to unpack the release with");
  const result = await runProgram(tar, ["-xf", archive, "-C", folder], { env, signal, timeoutMs: UNPACK_DEADLINE_MS });
  if (result.kind !== "ok") return failed(`tar: ${result.detail}`);
  const program = join(folder, name, process.platform === "win32" ? "nats-server.exe" : "nats-server");
  const check = await checkProgram(program, env, signal);
  if (check.kind !== "good") return failed(check.detail);
  return { kind: "found", path: await keepInCache(program, check.version, env), version: check.version };
}
