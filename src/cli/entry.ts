import { pathToFileURL } from "node:url";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";

/** Every definition that a module exports, alone or in lists. @throws bad_options */
export async function definitionsOf(entry: string): Promise<readonly Definition[]> {
  let exported: Record<string, unknown>;
  try {
    exported = (await import(pathToFileURL(entry).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new TroupeError("bad_options", `${entry} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
  const definitions = [...new Set(Object.values(exported).flat().filter(isDefinition))];
  if (definitions.length === 0)
    throw new TroupeError("bad_options", `${entry} exports no definition; export what defineTask or defineActor returns`);
  return definitions;
}

function isDefinition(value: unknown): value is Definition {
  return typeof value === "object" && value !== null && "machine" in value && "activities" in value && "name" in value;
}
