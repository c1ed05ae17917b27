import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { keepInCache, platformName } from "../../src/server/cache.ts";
import type { Progress, ResolutionStep } from "../../src/server/progress.ts";
import { fromRelease } from "../../src/server/release.ts";
import { explainServer, ResolutionError, resolveServer } from "../../src/server/resolve.ts";
import type { Environment } from "../../src/server/run-program.ts";
import { makeFolder, writeProgram } from "./fixtures.ts";

const isPinned = process.platform === "linux" && ["x64", "arm64"].includes(process.arch);
const isDebian = process.platform === "linux" && (await readFile("/etc/os-release", "utf8").catch(() => "")).includes("\nID=debian");

describe("TROUPE_NATS_SERVER", () => {
  test("comes first, whatever is on PATH", async () => {
    await using world = await makeWorld();
    const named = await writeProgram(join(world.path, "mine"), "2.15.0");
    await writeProgram(join(world.bin, "nats-server"), "2.15.1");
    const server = await resolveServer({ env: { ...world.env, TROUPE_NATS_SERVER: named } });
    expect(server).toMatchObject({ path: named, version: "2.15.0", source: "env" });
  });

  test("never falls through when it names nothing, or no nats-server", async () => {
    await using world = await makeWorld();
    await writeProgram(join(world.bin, "nats-server"), "2.15.1");
    for (const path of [join(world.path, "missing"), world.path, process.execPath]) {
      const error = await refusal({ ...world.env, TROUPE_NATS_SERVER: path });
      expect(error.code).toBe("server_path_bad");
      expect(outcomes(error.steps)).toEqual(["env failed"]);
    }
  });

  test("never falls through when it is too old or of another major", async () => {
    await using world = await makeWorld();
    for (const version of ["2.9.10", "2.14.3", "3.0.0"]) {
      const path = await writeProgram(join(world.path, `v${version}`), version);
      const error = await refusal({ ...world.env, TROUPE_NATS_SERVER: path });
      expect(error.code).toBe("server_too_old");
      expect(error.message).toContain(`found ${version}, need 2.14.4`);
    }
  });
});

describe("PATH", () => {
  test("gives a server that is new enough", async () => {
    await using world = await makeWorld();
    const path = await writeProgram(join(world.bin, "nats-server"), "2.14.4");
    expect(await resolveServer({ env: world.env })).toMatchObject({ path, version: "2.14.4", source: "path" });
  });

  test("is passed over, with a note, when its server is too old", async () => {
    await using world = await makeWorld();
    await writeProgram(join(world.bin, "nats-server"), "2.9.10");
    const error = await refusal({ ...world.env, TROUPE_NO_DOWNLOAD: "1" });
    expect(error.message).toContain("found 2.9.10, need 2.14.4");
    expect(outcomes(error.steps)).toContain("path skipped");
  });
});

describe("the official release", () => {
  test.skipIf(!isPinned)("with a wrong hash ends the search and is not kept", async () => {
    await using world = await makeWorld();
    await using mirror = await serve(Buffer.from("not what was pinned"));
    const error = await refusal({ ...world.env, TROUPE_NATS_MIRROR: mirror.url });
    expect(error.code).toBe("server_hash_wrong");
    expect(outcomes(error.steps)).toEqual(["env skipped", "path skipped", "cache skipped", "release failed"]);
    expect(mirror.asked).toEqual([`/v2.14.5/nats-server-v2.14.5-${platformName()}.tar.gz`]);
    expect(await readdir(join(world.cache, "troupe", "nats-server"))).toEqual([]);
  });

  test.skipIf(!isPinned)("that nobody can be reached for is a matter of the network; every step is listed", async () => {
    await using world = await makeWorld();
    const seen: Progress[] = [];
    const port = await closedPort();
    const error = await refusal({ ...world.env, TROUPE_NATS_MIRROR: `http://127.0.0.1:${port}` }, (progress) => seen.push(progress));
    expect(error.code).toBe("server_no_network");
    expect(outcomes(error.steps)).toEqual(["env skipped", "path skipped", "cache skipped", "release failed", "debian skipped"]);
    for (const { step } of error.steps) expect(error.message).toMatch(new RegExp(`${step}: \\w+: `));
    expect(seen.flatMap((progress) => (progress.kind === "step" ? [progress.step] : []))).toEqual(error.steps);
  });

  test.skipIf(!isPinned)("that a mirror does not have is no matter of the network", async () => {
    await using world = await makeWorld();
    await using mirror = await serve(undefined);
    const error = await refusal({ ...world.env, TROUPE_NATS_MIRROR: mirror.url });
    expect(error.code).toBe("server_unavailable");
    expect(error.message).toContain("answered 404");
  });

  test.skipIf(process.platform === "win32")("with its pinned hash is unpacked, kept, and found again", async () => {
    await using world = await makeWorld();
    const name = `nats-server-v2.14.5-${platformName()}`;
    await writeProgram(join(world.path, name, "nats-server"), "2.14.5");
    const archive = execFileSync("tar", ["-cz", "-C", world.path, name]);
    await using mirror = await serve(archive);
    const env = { ...world.env, PATH: await systemPath(world.bin), TROUPE_NATS_MIRROR: mirror.url };
    const received: number[] = [];
    const onProgress = (progress: Progress): void => void (progress.kind === "download" && received.push(progress.receivedBytes));
    const sha256 = { [platformName()]: createHash("sha256").update(archive).digest("hex") };
    const finding = await fromRelease({ env, onProgress, signal: undefined }, { version: "2.14.5", sha256 });
    expect(finding).toMatchObject({ kind: "found", version: "2.14.5" });
    expect(received.at(-1)).toBe(archive.byteLength);
    expect(await resolveServer({ env })).toMatchObject({ version: "2.14.5", source: "cache" });
  });

  test("is not downloaded for a platform without a pin", async () => {
    await using world = await makeWorld();
    const finding = await fromRelease(
      { env: world.env, onProgress: () => undefined, signal: undefined },
      { version: "2.14.5", sha256: {} },
    );
    expect(finding).toMatchObject({ kind: "skipped", detail: expect.stringContaining(platformName()) });
  });

  test.skipIf(!isPinned)("can be given up", async () => {
    await using world = await makeWorld();
    await using mirror = await serve("never");
    const giveUp = new AbortController();
    const search = resolveServer({
      env: { ...world.env, TROUPE_NATS_MIRROR: mirror.url },
      signal: giveUp.signal,
      onProgress: ({ kind }) => void (kind === "installing" && giveUp.abort(new Error("enough"))),
    });
    await expect(search).rejects.toThrow("enough");
  });
});

test("TROUPE_NO_DOWNLOAD forbids both ways of installing", async () => {
  await using world = await makeWorld();
  const error = await refusal({ ...world.env, TROUPE_NO_DOWNLOAD: "1" });
  expect(error.code).toBe("server_unavailable");
  expect(error.steps.slice(3).map(({ detail }) => detail)).toEqual(Array(2).fill("TROUPE_NO_DOWNLOAD forbids downloads"));
});

describe("the cache", () => {
  test("gives the newest server for this platform", async () => {
    await using world = await makeWorld();
    await cacheProgram(world.cache, "2.14.5");
    const path = await cacheProgram(world.cache, "2.15.1");
    await cacheProgram(world.cache, "2.9.10");
    expect(await resolveServer({ env: world.env })).toMatchObject({ path, version: "2.15.1", source: "cache" });
  });

  test("discards a server that has been changed, and says so", async () => {
    await using world = await makeWorld();
    const path = await cacheProgram(world.cache, "2.15.1");
    await appendFile(path, "echo more\n");
    const env = { ...world.env, TROUPE_NO_DOWNLOAD: "1" };
    const looked = await explainServer({ env });
    expect(looked.find(({ step }) => step === "cache")?.detail).toContain("SHA-256 differs");
    const error = await refusal(env);
    expect(error.message).toContain("SHA-256 differs");
    expect((await refusal(env)).message).toContain("nothing in");
  });

  test("takes an older one when the newest has been changed", async () => {
    await using world = await makeWorld();
    await appendFile(await cacheProgram(world.cache, "2.15.1"), "echo more\n");
    await cacheProgram(world.cache, "2.14.5");
    expect(await resolveServer({ env: world.env })).toMatchObject({ version: "2.14.5", source: "cache" });
  });
});

test("an explanation names what would be used, and installs nothing", async () => {
  await using world = await makeWorld();
  const none = await explainServer({ env: world.env });
  expect(outcomes(none)).toEqual(["env skipped", "path skipped", "cache skipped", "release skipped", "debian skipped"]);
  expect(await readdir(world.cache).catch(() => [])).toEqual([]);
  await cacheProgram(world.cache, "2.15.1");
  expect(outcomes(await explainServer({ env: world.env }))).toEqual(["env skipped", "path skipped", "cache used"]);
});

describe("Debian's package", () => {
  // Skipped elsewhere: it needs apt-get and Debian's archive.
  test.skipIf(!isDebian)(
    "is installed by two at once, and found in the cache from then on",
    async () => {
      await using world = await makeWorld();
      const env = { ...world.env, PATH: await systemPath(world.bin), TROUPE_NATS_MIRROR: `http://127.0.0.1:${await closedPort()}` };
      const [one, other] = await Promise.all([resolveServer({ env }), resolveServer({ env })]);
      expect(one.source).toBe("debian");
      expect(outcomes(one.steps)).toEqual(["env skipped", "path skipped", "cache skipped", "release failed", "debian used"]);
      expect(other.path).toBe(one.path);
      expect(await resolveServer({ env })).toMatchObject({ path: one.path, version: one.version, source: "cache" });
      expect(await readdir(join(world.cache, "troupe", "nats-server"))).toEqual([`${one.version}-${platformName()}`]);
    },
    60_000,
  ); // 15 MB from a mirror, twice
});

interface World extends AsyncDisposable {
  readonly path: string;
  /** The only folder on PATH. */
  readonly bin: string;
  readonly cache: string;
  readonly env: Environment;
}

async function makeWorld(): Promise<World> {
  const folder = await makeFolder();
  const bin = join(folder.path, "bin");
  const cache = join(folder.path, "cache");
  await mkdir(bin);
  const env = { PATH: bin, HOME: folder.path, XDG_CACHE_HOME: cache };
  return { path: folder.path, bin, cache, env, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** The real tools, behind an old nats-server that hides the machine's own, should there be one. */
async function systemPath(bin: string): Promise<string> {
  await writeProgram(join(bin, "nats-server"), "2.9.10");
  return [bin, "/usr/bin", "/bin"].join(delimiter);
}

async function cacheProgram(cache: string, version: string): Promise<string> {
  await using folder = await makeFolder();
  const program = await writeProgram(join(folder.path, "nats-server"), version);
  return await keepInCache(program, version, { XDG_CACHE_HOME: cache });
}

async function refusal(env: Environment, onProgress: (progress: Progress) => void = () => undefined): Promise<ResolutionError> {
  const error: unknown = await resolveServer({ env, onProgress }).then(
    (server) => new Error(`found ${server.path}`),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ResolutionError) return error;
  throw error;
}

function outcomes(steps: readonly ResolutionStep[]): string[] {
  return steps.map(({ step, outcome }) => `${step} ${outcome}`);
}

/** A mirror on the loopback: these bytes for whatever is asked, 404 without any, or no answer at all. */
async function serve(body: Buffer | "never" | undefined): Promise<AsyncDisposable & { readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (body === undefined) response.writeHead(404).end();
    else if (body !== "never") response.end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const dispose = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, [Symbol.asyncDispose]: dispose };
}

async function closedPort(): Promise<number> {
  await using server = await serve(undefined);
  return Number(new URL(server.url).port);
}
