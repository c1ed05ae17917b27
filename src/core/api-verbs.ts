/** Verbs of `troupe.api.*` that change nothing, so that they may be asked twice. */
const HARMLESS = new Set(["get", "result", "accepts", "list", "host", "hosts"]);

/** By the verb with its tokens, such as `get.<type>.<id>`. */
export function isHarmless(verb: string): boolean {
  return HARMLESS.has(verb.split(".", 1)[0] as string);
}
