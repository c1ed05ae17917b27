import type { Definition } from "./definition.ts";
import { hashText } from "./hash.ts";

/**
 * What two hosts must agree on where they run one version of a type: the structure of its machine, and what a crash does to its work, and
 * whether it is limited.
 * It cannot see into functions, and leaves out what a deployment may tune: timeouts, retries, retention.
 */
function fingerprintOf({ kind, logic, shape, activities, children, onThrow = "park", history, limits }: Definition): string {
  const work = [...activities].map(([name, { onCrash }]) => `${name}:${onCrash}`).toSorted();
  const born = [...(children ?? [])].map(([name, type]) => `${name}:${type.name}`).toSorted();
  const limited = limits === undefined ? [] : [limits.key === undefined ? "limited" : "limited by key"];
  return hashText([kind, logic, shape, onThrow, String(history), work.join(), born.join(), ...limited].join("|"));
}

/** By name and version; older versions that are kept beside the newest count too. */
export function fingerprintsOf(definitions: Iterable<Definition>): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const found: Record<string, Record<string, string>> = {};
  for (const definition of definitions) {
    const versions = (found[definition.name] = {} as Record<string, string>);
    for (const each of [definition, ...(definition.versions ?? [])]) versions[each.version] = fingerprintOf(each);
  }
  return found;
}
