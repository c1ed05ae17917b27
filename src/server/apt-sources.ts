/** apt's own lists of where packages come from: the one-line form and the paragraphs of deb822 (sources.list(5)). */

export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** A keyring's path; `undefined` where apt's default applies or the key itself stands in the entry. */
  readonly signedBy: string | undefined;
}

/** One-line format: `deb [signed-by=/…] uri suite component…` */
export function parseSourcesList(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (match === null) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = keyring(/(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1]);
    return [{ uri, suite, components: words(components), signedBy }];
  });
}

/** deb822: paragraphs of fields, of which some hold several words. */
export function parseDeb822(text: string): AptSource[] {
  const withoutComments = text.replaceAll(/^#.*\n?/gm, "");
  return withoutComments.split(/\n\s*\n/).flatMap((paragraph) => {
    const fields = parseFields(paragraph);
    if (!words(fields.get("types")).includes("deb") || /^(no|false|0)$/i.test(fields.get("enabled") ?? "")) return [];
    const components = words(fields.get("components"));
    const signedBy = keyring(fields.get("signed-by"));
    return words(fields.get("uris")).flatMap((uri) => words(fields.get("suites")).map((suite) => ({ uri, suite, components, signedBy })));
  });
}

/** The entry that this machine's own packages come from: its archive holds the newer suites too. */
export function findArchive(sources: readonly AptSource[], codename: string): AptSource | undefined {
  return sources.find(({ uri, suite, components }) => suite === codename && components.includes("main") && !uri.startsWith("cdrom:"));
}

/** Names in lower case; a line that begins with a blank continues the field before it. */
function parseFields(paragraph: string): Map<string, string> {
  const lines = paragraph.replaceAll(/\n[ \t]+/g, " ").split("\n");
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon === -1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]];
    }),
  );
}

function keyring(value: string | undefined): string | undefined {
  const first = words(value?.replaceAll(",", " "))[0];
  return first?.startsWith("/") === true ? first : undefined;
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
