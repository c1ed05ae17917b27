import { TroupeError, type Fault } from "./errors.ts";

/** What must fit between hosts of one cluster. */
export interface Company {
  readonly host: string;
  readonly protocol: number;
  readonly release: string;
  /** By name and version, the fingerprint of the definition. */
  readonly types: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Why a host cannot work beside another, or undefined. Protocols must be the same. Definitions may differ between versions, as in every
 * rolling deployment, but not within one.
 */
export function misfitWith(mine: Company, other: Company): TroupeError | undefined {
  if (mine.protocol !== other.protocol) {
    const words = `This host (release ${mine.release}) speaks protocol ${mine.protocol}, the running host ${other.host} (release ${other.release}) protocol ${other.protocol}`;
    return new TroupeError("incompatible_release", words, { about: other.host });
  }
  const faults = clashes(mine.types, other.types);
  if (faults.length === 0) return undefined;
  const words = faults.map(({ path, message }) => `${path} ${message}`).join("; ");
  return new TroupeError("clashing_definition", `The running host ${other.host} has other definitions: ${words}`, {
    about: other.host,
    faults,
  });
}

function clashes(mine: Company["types"], theirs: Company["types"]): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [name, versions] of Object.entries(mine)) {
    const others = Object.hasOwn(theirs, name) ? theirs[name] : undefined;
    for (const [version, fingerprint] of Object.entries(versions)) {
      const other = others !== undefined && Object.hasOwn(others, version) ? others[version] : undefined;
      if (other !== undefined && other !== fingerprint)
        faults.push({ path: name, message: `is not the same in version ${version} (${fingerprint} here, ${other} there)` });
    }
  }
  return faults;
}
