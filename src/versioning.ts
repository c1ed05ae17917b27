import type { Definition } from "./core/definition.ts";
import type { Fault } from "./core/errors.ts";
import { compareVersions, isVersion, type Migrate } from "./core/versions.ts";

/** How a definition changes while its actors live. */
export interface VersionOptions {
  /** A whole number, or several with dots between them: `4`, `"2.10"`. Raise it with every change of the machine. Default: 1. */
  readonly version?: string | number;
  /**
   * By the version that it leads on from: what becomes of an actor that was stored by it, in the next version. Pure; applied one after
   * the other up to this version, when the actor is next loaded.
   */
  readonly migrate?: Readonly<Record<string, Migrate>>;
  /** Older definitions of this name, kept beside this one: their actors go on under them, whatever starts now takes this one. */
  readonly versions?: readonly AnyDefinition[];
}

/** A definition whatever its types are. */
type AnyDefinition = Omit<Definition, "~types">;

type Versioned = Pick<Definition, "version" | "versions" | "migrations">;

/** What is wrong is added to the faults. */
export function versioned(kind: Definition["kind"], name: string, options: VersionOptions, faults: Fault[]): Versioned {
  const version = String(options.version ?? 1);
  const mayBe = 'must be a whole number, or several with dots between them, such as 4 or "2.10"';
  if (!isVersion(version)) faults.push({ path: "version", message: `${mayBe}, not "${version}"` });
  const elders = newestFirst(options.versions ?? []);
  // Whoever keeps a version keeps those that it keeps.
  const kept = flattened(elders);
  const migrations = Object.entries(options.migrate ?? {}).map(([from, migrate]) => ({ from, migrate }));
  for (const { from, migrate } of migrations) {
    const path = `migrate.${from}`;
    if (!isVersion(from)) faults.push({ path, message: mayBe });
    else if (compareVersions(from, version) >= 0) faults.push({ path, message: `must lead on from a version before ${version}` });
    else if (kept.some((elder) => compareVersions(elder.version, from) === 0))
      faults.push({ path, message: "would never be applied: that version is kept in versions" });
    if (typeof migrate !== "function") faults.push({ path, message: "must be a function of the snapshot" });
  }
  elders.forEach((elder, i) => {
    const path = `versions.${elder.version}`;
    if (elder.name !== name || elder.kind !== kind) faults.push({ path, message: `is the ${elder.kind} "${elder.name}"` });
    if (compareVersions(elder.version, version) >= 0) faults.push({ path, message: `must be older than ${version}` });
    if (elders.findIndex((other) => compareVersions(other.version, elder.version) === 0) < i)
      faults.push({ path, message: "is there twice" });
  });
  return {
    version,
    ...(kept.length === 0 ? {} : { versions: kept }),
    ...(migrations.length === 0 ? {} : { migrations }),
  };
}

/** Children that nobody else defines, of this version and of those beside it: the newest of each name keeps the others. */
export function castWith(cast: readonly Definition[], elders: readonly Definition[]): readonly Definition[] {
  const all = [...cast, ...elders.flatMap((elder) => elder.cast ?? [])];
  if (all.length === cast.length) return cast;
  return [...new Set(all.map(({ name }) => name))].map((name) => {
    const { versions: _own, ...newest } = newestFirst(all.filter((each) => each.name === name))[0] as Definition;
    const older = flattened(all.filter((each) => each.name === name)).filter(({ version }) => version !== newest.version);
    return older.length === 0 ? newest : { ...newest, versions: older };
  });
}

/** With those that they keep themselves, the newest first, each version once. */
function flattened(definitions: readonly Definition[]): readonly Definition[] {
  const all = newestFirst(definitions.flatMap((each) => [each, ...(each.versions ?? [])]));
  return all.filter(({ version }, i) => i === all.findIndex((other) => other.version === version));
}

function newestFirst(definitions: readonly Definition[]): readonly Definition[] {
  return definitions.toSorted((one, other) => compareVersions(other.version, one.version));
}
