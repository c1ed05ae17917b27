import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import { isReady, outcomeOf } from "../../src/core/lifecycle.ts";
import { asRecord, isEnded } from "../../src/core/record.ts";
import { resume } from "../../src/core/parking.ts";
import { revive, type Actor } from "../../src/core/turn.ts";
import { VERSION } from "../../src/version.ts";
import { ADDRESS, AT, begin, cancel, fired, next, NOW, succeeded } from "../core/life.ts";
import { broughtTo, INPUT, STATES, task } from "./states.ts";

/**
 * Records as earlier versions stored them: bytes in base64, by version and kind. Every version to come must load them, revive them
 * and go on from them. The file grows with each release and never shrinks.
 *
 * To add this version's: raise VERSION, then
 *   TROUPE_GOLDEN=write npx vitest run --config test/vitest.config.ts test/golden
 * It adds what is missing and changes nothing that is there. While a version has not been released its records may be written
 * anew: remove its entry and do the same.
 */
const FILE = new URL("records.json", import.meta.url);

type Corpus = Record<string, Record<string, string>>;
const corpus: Corpus = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Corpus) : {};

if (process.env["TROUPE_GOLDEN"] === "write") {
  const stored = (corpus[VERSION] ??= {});
  for (const [kind, steps] of Object.entries(STATES)) stored[kind] ??= Buffer.from(encodeRecord(broughtTo(steps).record)).toString("base64");
  writeFileSync(FILE, `${JSON.stringify(corpus, undefined, 2)}\n`);
}

const stored = Object.entries(corpus).flatMap(([version, kinds]) => Object.entries(kinds).map(([kind, text]) => ({ version, kind, text })));

function load(text: string): Actor {
  return revive(task, ADDRESS, asRecord(decodeRecord(Buffer.from(text, "base64"))));
}

describe("the golden records", () => {
  it("hold one of each kind from this version", () => {
    expect(Object.keys(corpus[VERSION] ?? {}).toSorted()).toEqual(Object.keys(STATES).toSorted());
  });

  it("are what this version would store", () => {
    for (const [kind, steps] of Object.entries(STATES)) expect(load(corpus[VERSION]?.[kind] ?? "").record).toEqual(broughtTo(steps).record);
  });
});

describe.each(stored)("a record of version $version: $kind", ({ kind, text }) => {
  it("is read with everything that was in it", () => {
    const { record, snapshot } = load(text);
    expect(record).toMatchObject({
      v: 1,
      epoch: 7,
      version: "1",
      createdAt: NOW,
      deadlineAt: NOW + 3_600_000,
      replyTo: "troupe.reply.1",
      marks: { "in.normal": 12 },
      context: { input: INPUT, delayMs: 60_000 },
    });
    expect(snapshot).toMatchObject({ value: record.value, context: record.context, status: record.status });
    expect(isReady(task, record)).toBe(kind === "undo.ready");
  });

  it("is gone on from to its end", () => {
    let actor = load(text);
    const { record } = actor;
    if (record.parked !== undefined) actor = resume(actor, AT).actor;
    if (Object.keys(actor.record.timers).length > 0) actor = next(task, actor, fired(actor)).actor;
    if (isReady(task, actor.record)) actor = next(task, actor, begin()).actor;
    if (actor.record.value === "doing") actor = next(task, actor, succeeded(actor, "made")).actor;
    expect(isEnded(actor.record)).toBe(true);
    expect(actor.record.revision > record.revision).toBe(!isEnded(record));
    expect(actor.record).toMatchObject({ activities: {}, timers: {} });
    expect(outcomeOf("resize", "42", actor.record)).toMatchObject(isEnded(record) ? { state: record.value } : { state: "done", output: "made" });
  });

  it("can be cancelled if it has not ended", () => {
    const actor = load(text);
    const turn = next(task, actor, cancel());
    expect(turn.kind).toBe(isEnded(actor.record) ? "unheard" : "changed");
    expect(isEnded(turn.actor.record)).toBe(true);
  });
});

describe("the ends that were stored", () => {
  it.each(Object.keys(corpus))("are told as they were by version %s", (version) => {
    const outcome = (kind: string) => outcomeOf("resize", "42", load(corpus[version]?.[kind] ?? "").record);
    expect(outcome("done")).toEqual({ type: "resize", id: "42", state: "done", output: { made: ["small", "large"], at: new Date(NOW) }, attempt: 1 });
    expect(outcome("failed")).toMatchObject({ state: "failed", error: { name: "TerminalError", message: "hopeless", retryable: false } });
    expect(outcome("failed by cancel")).toMatchObject({ state: "failed", error: { code: "cancelled" } });
    expect(outcome("expired")).toMatchObject({ state: "expired", error: { code: "expired" } });
  });
});
