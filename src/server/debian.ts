import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findArchive, parseDeb822, parseSourcesList, type AptSource } from "./apt-sources.ts";
import { keepInCache, makeFreshFolder } from "./cache.ts";
import { findOnPath } from "./installed.ts";
import { runProgram, type ProgramResult } from "./run-program.ts";
import { failed, skipped, type Finding, type Search } from "./search.ts";
import { checkProgram } from "./version.ts";

/** Newer than stable's, whose server is too old; the second where the first has none. */
const SUITES = ["forky", "sid"];
const DEFAULT_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const APT_DEADLINE_MS = 120_000;

interface Tools {
  readonly aptGet: string;
  readonly dpkgDeb: string;
  readonly archive: AptSource;
}

/**
 * Step 5: Debian's own package from a newer suite, unpacked and not installed: no root, and nothing of the system changes.
 * apt checks the archive's signature with the keyring that the machine already trusts; that takes the place of a pinned hash.
 */
export async function fromDebian(search: Search): Promise<Finding> {
  const tools = await findTools(search);
  if ("kind" in tools) return tools;
  const notes: string[] = [];
  let reason: "network" | "other" = "other";
  for (const suite of SUITES) {
    const finding = await installFrom(suite, tools, search);
    if (finding.kind === "found") return finding;
    if (finding.kind === "failed" && finding.reason === "network") reason = "network";
    notes.push(`${suite}: ${finding.detail}`);
  }
  return failed(notes.join("; "), reason);
}

async function findTools({ env }: Search): Promise<Tools | Finding> {
  if (process.platform !== "linux") return skipped("this is not Debian");
  const aptGet = await findOnPath("apt-get", env);
  const dpkgDeb = await findOnPath("dpkg-deb", env);
  if (aptGet === undefined || dpkgDeb === undefined) return skipped("there is no apt-get and dpkg-deb on PATH");
  const codename = await readCodename();
  if (codename === undefined) return skipped("/etc/os-release names no release of Debian");
  const archive = findArchive(await readSources(), codename);
  return archive === undefined ? skipped(`apt's sources have no entry for ${codename} main`) : { aptGet, dpkgDeb, archive };
}

async function installFrom(suite: string, { aptGet, dpkgDeb, archive }: Tools, search: Search): Promise<Finding> {
  const { env, signal } = search;
  const folder = await makeFreshFolder(env);
  const run = { env: { ...env, LC_ALL: "C" }, signal, timeoutMs: APT_DEADLINE_MS, cwd: folder };
  try {
    search.onProgress({ kind: "installing", step: "debian", detail: `nats-server of Debian ${suite} from ${archive.uri}` });
    const config = await writeAptConfig(folder, suite, archive);
    const update = await runProgram(aptGet, ["-c", config, "-q", "update"], run);
    if (update.kind !== "ok") return explainUpdate(update);
    const fetched = await runProgram(aptGet, ["-c", config, "-q", "download", "nats-server"], run);
    if (fetched.kind !== "ok") return failed(fetched.detail);
    const deb = (await readdir(folder)).find((name) => name.endsWith(".deb"));
    if (deb === undefined) return failed("apt-get downloaded nothing");
    const unpacked = await runProgram(dpkgDeb, ["-x", deb, "unpacked"], run);
    if (unpacked.kind !== "ok") return failed(unpacked.detail);
    return await keepUnpacked(join(folder, "unpacked"), search);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** apt's exit code is the same for a mirror that is away and for a signature that is wrong; its words are not. */
function explainUpdate(update: Exclude<ProgramResult, { kind: "ok" }>): Finding {
  if (update.kind === "not_run") return failed(update.detail);
  const fetching = update.stderr.split("\n").find((line) => line.includes("Failed to fetch"));
  return fetching === undefined ? failed(update.detail) : failed(fetching.trim(), "network");
}

async function keepUnpacked(folder: string, { env, signal }: Search): Promise<Finding> {
  const names = await readdir(folder, { recursive: true });
  const program = names.find((name) => /(^|\/)s?bin\/nats-server$/.test(name));
  if (program === undefined) return failed("the package holds no nats-server");
  const check = await checkProgram(join(folder, program), env, signal);
  if (check.kind !== "good") return failed(check.detail);
  return { kind: "found", path: await keepInCache(join(folder, program), check.version, env), version: check.version };
}

/**
 * apt reads this last, so it wins over the machine's own configuration: lists and cache of our own, no hooks of others (they refresh
 * databases and clean the system's cache), an error where apt would only warn, and no package without a valid signature.
 */
async function writeAptConfig(folder: string, suite: string, { uri, signedBy }: AptSource): Promise<string> {
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "archives", "partial"), { recursive: true });
  const keyring =
    signedBy ??
    (await access(DEFAULT_KEYRING)
      .then(() => DEFAULT_KEYRING)
      .catch(() => undefined));
  const options = keyring === undefined ? "" : `[signed-by=${keyring}] `;
  await writeFile(join(folder, "sources.list"), `deb ${options}${uri} ${suite} main\n`);
  const isRoot = process.getuid?.() === 0;
  const config = `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "${folder}/lists";
Dir::Cache "${folder}";
Dir::Cache::archives "${folder}/archives";
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
${isRoot ? 'APT::Sandbox::User "root";' : ""}
`;
  await writeFile(join(folder, "apt.conf"), config);
  return join(folder, "apt.conf");
}

/** Of Debian, or of the Debian release that a derivative is made from. Ubuntu's archive has suites of other names. */
async function readCodename(): Promise<string | undefined> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const value = (name: string): string | undefined => new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(text)?.[1];
  if (value("DEBIAN_CODENAME") !== undefined) return value("DEBIAN_CODENAME");
  return value("ID") === "debian" ? value("VERSION_CODENAME") : undefined;
}

async function readSources(): Promise<AptSource[]> {
  const parts = "/etc/apt/sources.list.d";
  const names = (await readdir(parts).catch(() => [])).sort((a, b) => a.localeCompare(b));
  const files = ["/etc/apt/sources.list", ...names.map((name) => join(parts, name))];
  const sources: AptSource[] = [];
  for (const file of files) {
    const parse = file.endsWith(".list") ? parseSourcesList : file.endsWith(".sources") ? parseDeb822 : undefined;
    if (parse !== undefined) sources.push(...parse(await readFile(file, "utf8").catch(() => "")));
  }
  return sources;
}
