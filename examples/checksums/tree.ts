import { mkdir, opendir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { definePlan, defineTask, TerminalError, type TaskDefinition } from "../../src/index.ts";
import { checksum, type Checksum, type FileInput } from "./checksum.ts";
import { writePart, writeReport } from "./report.ts";

/**
 * Checksums of a whole tree, as a plan of plans:
 *
 *   tree ──► folder, folder, …   each with some files of one folder, and a part of the report
 *              └──► checksum, checksum, …   a file each
 *
 * A file that cannot be read is read in another way; one that is gone is left out. A tree that fails leaves no part of a report behind.
 */
export interface TreeInput {
  readonly folder: string;
  /** Where the report goes; its parts lie beside it until it is whole. */
  readonly report: string;
}

export interface TreeOutput {
  readonly files: number;
  readonly bytes: number;
}

interface FolderInput {
  readonly folder: string;
  readonly names: readonly string[];
  readonly part: string;
}

/** Files of one `folder`: what it collects has to fit its record. */
const MOST_FILES = 200;

export const removePart = defineTask<string, void>({ name: "remove-part", run: async ({ input }) => rm(input, { force: true }) });

/** The plan for some files of one folder. */
export function folderOf(file: TaskDefinition<FileInput, Checksum>): TaskDefinition<FolderInput, number> {
  return definePlan<FolderInput, number, unknown, Checksum[]>({
    name: "checksum-folder",
    children: { file },
    retention: { done: "1m" },
    expand: function* ({ input: { folder, names } }) {
      for (const name of names) yield { kind: "file", input: { path: join(folder, name), reader: "pieces" } satisfies FileInput };
    },
    onFailure: {
      file: [
        { policy: "drop", when: ({ error }) => error.code === "ENOENT" },
        {
          policy: "reschedule",
          rounds: 1,
          replace: ({ input }) => ({
            children: [{ kind: "file", input: { ...(input as FileInput), reader: "whole" } }],
            exclude: ["pieces"],
          }),
        },
      ],
    },
    collect: (found = [], { output }) => [...found, output as Checksum],
    finish: async ({ input: { part }, collected = [] }) => {
      await writePart(part, collected);
      return collected.length;
    },
  });
}

/** The plan for a tree of such folders. */
export function treeOf(folder: TaskDefinition<FolderInput, number>): TaskDefinition<TreeInput, TreeOutput> {
  return definePlan<TreeInput, TreeOutput>({
    name: "checksum-tree",
    children: { folder, removePart },
    concurrency: 8,
    prepare: async ({ input }) => {
      const found = await stat(input.folder).catch(() => undefined);
      if (found?.isDirectory() !== true) throw new TerminalError(`${input.folder} is no folder`);
      await mkdir(partsOf(input), { recursive: true });
    },
    expand: async function* ({ input, cursor }) {
      const last = cursor as Cursor | undefined;
      let number = last?.number ?? 0;
      for await (const { path, from, names } of chunksBelow(input.folder)) {
        if (last !== undefined && !isAfter({ path, from }, last)) continue;
        const part = join(partsOf(input), `${++number}.json`);
        yield {
          kind: "folder",
          key: String(number),
          input: { folder: path, names, part } satisfies FolderInput,
          cursor: { number, path, from },
        };
      }
    },
    compensate: { folder: ({ input }) => ({ kind: "removePart", input: (input as FolderInput).part }) },
    finish: async ({ input }) => writeReport(input.report, partsOf(input)),
    cleanup: async ({ input }) => rm(partsOf(input), { recursive: true, force: true }),
  });
}

export const folder = folderOf(checksum);
export const tree = treeOf(folder);

function partsOf({ report }: TreeInput): string {
  return `${report}.parts`;
}

interface Place {
  readonly path: string;
  /** The number of the first file within its folder. */
  readonly from: number;
}
interface Cursor extends Place {
  readonly number: number;
}

/** Every folder's regular files, some at a time, in an order that does not depend on when it is asked; links are not followed. */
async function* chunksBelow(path: string): AsyncIterable<Place & { readonly names: readonly string[] }> {
  const names: string[] = [];
  const folders: string[] = [];
  for await (const entry of await opendir(path)) {
    if (entry.isFile()) names.push(entry.name);
    else if (entry.isDirectory()) folders.push(entry.name);
  }
  names.sort();
  for (let from = 0; from < names.length; from += MOST_FILES) yield { path, from, names: names.slice(from, from + MOST_FILES) };
  for (const name of folders.sort()) yield* chunksBelow(join(path, name));
}

function isAfter(one: Place, other: Place): boolean {
  if (one.path === other.path) return one.from > other.from;
  const [parts, others] = [one.path.split("/"), other.path.split("/")];
  const at = parts.findIndex((part, i) => part !== others[i]);
  return at >= 0 && (others[at] === undefined || (parts[at] as string) > others[at]);
}
