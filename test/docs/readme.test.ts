import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Lane, StartLane } from "../../src/core/address.ts";
import { SHORT_TIMER_MS } from "../../src/core/draft.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { ERROR_CODES } from "../../src/core/errors.ts";
import { DEFAULT_RETRY } from "../../src/core/retry.ts";
import { DEFAULT_LEASE_TTL_MS, REPLICATED_LEASE_TTL_MS } from "../../src/nats/patience.ts";
import { DEFAULT_LAYOUT } from "../../src/nats/streams.ts";
import { DEFAULT_DEAD_TTL_MS } from "../../src/nats/writes.ts";
import { namesOf } from "../../src/nats/names.ts";
import { verbsOf } from "../../src/verbs.ts";
import { codeSpans, readPage, ROOT } from "./page.ts";

const page = readPage("README.md");
const packageJson = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as {
  scripts: Record<string, string>;
  engines: { node: string };
};

const EXIT_CODES_FILE = `${ROOT}src/cli/exit-codes.ts`;
const commands = [
  ...new Set(codeSpans(page.section("Command line")).flatMap((code) => (code.startsWith("troupe ") ? [code.slice("troupe ".length)] : []))),
];

/** The first code span of each row: what the row is about. */
const subjectsOf = (title: string): string[] => page.rows(title).flatMap(([first = ""]) => codeSpans(first).slice(0, 1));

describe("the README", () => {
  it("has the table of errors, exactly", () => {
    const table = page.rows("Error codes").map(([code, retryable, remedy]) => [code, retryable, remedy]);
    const codes = Object.entries(ERROR_CODES).map(([code, [retryable, remedy]]) => [`\`${code}\``, retryable ? "yes" : "no", remedy]);
    expect(table).toEqual(codes);
  });

  it("names every header of the protocol", () => {
    const spans = new Set(codeSpans(page.section("The protocol")));
    for (const header of Object.values(HEADERS)) expect(spans).toContain(header);
  });

  it("has the table of verbs, exactly", () => {
    const places = ["<type>", "<id>", "<name>"];
    const wanted = [...verbsOf({} as never)].map(([verb, { tail }]) => {
      let place = 0;
      return `troupe.api.${verb}${tail.replaceAll("*", () => places[place++] as string)}`;
    });
    expect(subjectsOf("Verbs").sort()).toEqual(wanted.sort());
  });

  it("has the table of streams and the table of subjects, exactly", () => {
    const names = namesOf();
    const to = { type: "<type>", id: "<id>" };
    const mark = (subject: string, ...places: [string, string][]): string =>
      places.reduce((text, [was, is]) => text.replace(was, is), subject);
    const lane = "<lane>" as Lane;
    const wanted = [
      ...Object.values(names.streams),
      names.hostsStream,
      names.wayIn(lane, to),
      names.verbs,
      names.state(to),
      mark(names.mail(1, lane, to, "MESSAGE"), [".1.", ".<partition>."], ["MESSAGE", "<message>"]),
      mark(names.timer(to, "TIMER"), ["TIMER", "<timer>"]),
      mark(names.part(to, 0), ["0", "<index>"]),
      mark(names.own(1), [".1", ".<partition>"]),
      mark(names.dead(to, "NAME"), ["NAME", "<name>"]),
      mark(names.turn(1, to, 2), [".1.", ".<partition>."], [".2", ".<revision>"]),
      mark(names.ticket(to, { stand: "wait", name: "<name>" }), ["wait", "<stand>"]),
      names.work("<lane>" as StartLane, to),
      mark(names.attempt(1, to), [".1.", ".<partition>."]),
      names.hostNotice("<host>", "slots"),
      names.hostNotice("<host>", "offers"),
      mark(names.stateRepublish.dest, [">", "<type>.<id>"]),
      mark(names.event(to, "NAME"), ["NAME", "<name>"]),
      names.hostPing("<host>"),
      names.hostCall("<host>"),
    ];
    expect(subjectsOf("Streams and subjects").sort()).toEqual(wanted.sort());
  });

  it("states the defaults as they are", () => {
    const { partitions, replicas, inMaxBytes } = DEFAULT_LAYOUT;
    const policy = Object.entries(DEFAULT_RETRY).map(([name, value]) => `${name}: ${value}`);
    const stated = [
      `\`partitions\` (${partitions}) and \`replicas\` (${replicas})`,
      `refuses beyond ${inMaxBytes / 2 ** 30} GiB`,
      `\`leaseTtl\` (${DEFAULT_LEASE_TTL_MS / 1_000} s; with replicas ${REPLICATED_LEASE_TTL_MS / 1_000} s`,
      `{ ${policy.join(", ")} }`,
    ];
    expect(stated.filter((each) => !page.text.includes(each))).toEqual([]);
    // "for a week", "three seconds or more"
    expect(DEFAULT_DEAD_TTL_MS).toBe(7 * 24 * 3_600_000);
    expect(SHORT_TIMER_MS).toBe(3_000);
  });

  it("names every export", () => {
    const index = readFileSync(`${ROOT}src/index.ts`, "utf8").replaceAll(/^\s*\/\/.*$/gm, "");
    const exported = [...index.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
      (list as string).split(",").map((name) => name.replace(/\btype\b/, "").trim()),
    );
    const line =
      page
        .section("Structure")
        .split("\n")
        .find((each) => each.startsWith("Exports of `troupe`:")) ?? "";
    const named = codeSpans(line).slice(1);
    expect(exported.filter((name) => name !== "").sort()).toEqual([...named].sort());
  });

  it("runs only scripts that exist", () => {
    const shell = page.blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
    const scripts = [...shell, ...codeSpans(page.text)].flatMap((text) =>
      [...text.matchAll(/\bnpm (?:run )?([a-z:]+)/g)].map(([, name]) => name as string),
    );
    expect(scripts.length).toBeGreaterThan(3);
    for (const name of scripts.filter((each) => each !== "ci" && each !== "install"))
      expect(packageJson.scripts, `npm run ${name}`).toHaveProperty([name]);
  });

  it("asks for the same Node as the package", () => {
    expect(page.text).toContain(`Node ${packageJson.engines.node.replace(">=", "≥ ")}`);
  });

  it("has the picture of a task's life that stands above the machine", () => {
    const header = readFileSync(`${ROOT}machines/task.ts`, "utf8").split("*/")[0] ?? "";
    const plain = (text: string): string => text.replaceAll(/^ \* ?/gm, "").replaceAll(/\s+/g, " ");
    const diagram = page.blocks.find(({ text }) => text.includes("undo") && text.includes("doing"));
    expect(plain(header)).toContain(plain(diagram?.text ?? "nothing").trim());
  });

  it.skipIf(!existsSync(EXIT_CODES_FILE))("names every exit code of the command line", async () => {
    const module = (await import(EXIT_CODES_FILE)) as Record<string, unknown>;
    const codes = Object.values(module).flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : [each]));
    const line =
      page
        .section("Command line")
        .split("\n")
        .find((each) => each.startsWith("Exit codes:")) ?? "";
    const numbers = (values: readonly unknown[]): number[] =>
      [...new Set(values.filter((value) => typeof value === "number"))].sort((a, b) => a - b);
    expect(numbers(codeSpans(line).map(Number))).toEqual(numbers(codes));
  });

  it.skipIf(!existsSync(`${ROOT}dist/src/cli/main.js`)).each(commands)("names a command that exists: troupe %s", async (command) => {
    const words = command.split(" ").filter((word) => !/^[<[]/.test(word));
    const options = words.filter((word) => word.startsWith("-"));
    const { stdout } = await promisify(execFile)(process.execPath, [
      `${ROOT}dist/src/cli/main.js`,
      ...words.filter((word) => !options.includes(word)),
      "--help",
    ]);
    for (const option of options) expect(stdout).toContain(option);
    expect(stdout).toContain(words.filter((word) => !options.includes(word)).join(" "));
  });

  it("names files that exist", () => {
    const files = codeSpans(page.text).filter(
      (text) => /^(src|machines|test|examples|bench)\/[\w./-]+$/.test(text) || /^[\w-]+\.(yml|md)$/.test(text),
    );
    expect(files.filter((file) => !existsSync(`${ROOT}${file}`))).toEqual([]);
  });

  it("keeps a place for the figures", () => {
    expect(page.section("Figures")).toMatch(/<!-- figures:begin -->[\s\S]*<!-- figures:end -->/);
  });
});
