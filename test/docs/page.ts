import { readFileSync } from "node:fs";

/** The root of the repository, with a slash at its end. */
export const ROOT = new URL("../../", import.meta.url).pathname;

interface Block {
  readonly language: string;
  /** What stands behind the language: `run`. */
  readonly words: readonly string[];
  readonly text: string;
  /** Where the fence is, from 1. */
  readonly line: number;
}

/** A Markdown page by its parts: as much of Markdown as our own pages use. */
export interface Page {
  readonly text: string;
  readonly blocks: readonly Block[];
  /** What stands under a heading, up to the next of the same level or a higher one. @throws where there is none */
  section(title: string): string;
  /** The cells of every table row under a heading, without the rows that head the tables. */
  rows(title: string): readonly (readonly string[])[];
}

export function readPage(name: string): Page {
  const text = readFileSync(`${ROOT}${name}`, "utf8");
  const section = (title: string): string => sectionOf(text, title);
  return { text, blocks: blocksOf(text), section, rows: (title) => rowsOf(section(title)) };
}

function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { language: string; words: string[]; lines: string[]; line: number } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (!line.startsWith("```")) open?.lines.push(line);
    else if (open === undefined) {
      const [language = "", ...words] = line.slice(3).trim().split(/\s+/);
      open = { language, words, lines: [], line: index + 1 };
    } else {
      blocks.push({ language: open.language, words: open.words, text: open.lines.join("\n"), line: open.line });
      open = undefined;
    }
  }
  return blocks;
}

function sectionOf(text: string, title: string): string {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === title);
  if (from < 0) throw new Error(`There is no heading "${title}"`);
  const level = (lines[from] as string).indexOf(" ");
  const length = lines.slice(from + 1).findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= level);
  return lines.slice(from + 1, length < 0 ? undefined : from + 1 + length).join("\n");
}

function rowsOf(section: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  const lines = section.split("\n");
  for (const [index, line] of lines.entries()) {
    const heads = lines[index + 1]?.startsWith("|---") ?? false;
    if (!line.startsWith("|") || line.startsWith("|---") || heads) continue;
    rows.push(
      line
        .slice(1, line.lastIndexOf("|"))
        .split("|")
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

/** Every `code span` of a text. */
export function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code as string);
}
