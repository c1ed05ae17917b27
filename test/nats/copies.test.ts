import { headers, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Answers } from "../../src/nats/answers.ts";
import { Horizon } from "../../src/nats/horizon.ts";
import { Link } from "../../src/nats/link.ts";
import { api } from "../../src/nats/names.ts";
import { Reads } from "../../src/nats/reads.ts";
import { startRig, type Rig } from "./rig.ts";

/** Copies of a stream that are played by this test: each question of the server's API comes to the next one in line. */

const STREAM = "PLAYED";
const LANDMARK = "own.*";
const DEADLINE_MS = 5_000;
const SHORT_DEADLINE_MS = 600;

/** What one copy does with a question. */
type Copy = (asked: readonly string[], reply: (status: Status | Found) => void) => void;
type Found = { readonly subject: string; readonly sequence: number };
type Status = { readonly code: number; readonly text: string; readonly upTo?: number };

let rig: Rig;
let player: NatsConnection;
let answers: Answers;
let horizon: Horizon;
let reads: Reads;
let asked: (readonly string[])[];
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  player = await rig.connect();
  answers = new Answers(new Link(await rig.connect()), undefined, DEADLINE_MS);
  horizon = new Horizon(new Map([[STREAM, LANDMARK]]));
  reads = new Reads(answers, 3, horizon);
  asked = [];
});
afterEach(async () => {
  answers.close();
  await player.close();
});

/** The last in line answers whatever else is asked. */
async function play(...copies: readonly Copy[]): Promise<void> {
  player.subscribe(api.directGet(STREAM), {
    callback: (_error: Error | null, message: Msg) => {
      const { multi_last } = message.json<{ multi_last: readonly string[] }>();
      const copy = copies[Math.min(asked.length, copies.length - 1)] as Copy;
      asked.push(multi_last);
      copy(multi_last, (each) => respond(message, each));
    },
  });
  await player.flush();
}

function respond(message: Msg, each: Status | Found): void {
  if ("code" in each) {
    const status = headers(each.code, each.text);
    if (each.upTo !== undefined) status.set("Nats-UpTo-Sequence", String(each.upTo));
    message.respond(new Uint8Array(0), { headers: status });
    return;
  }
  const found = headers();
  found.set("Nats-Subject", each.subject);
  found.set("Nats-Sequence", String(each.sequence));
  message.respond(Buffer.from(`message ${each.sequence}`), { headers: found });
}

/** Has these messages, and has come so far. */
const has =
  (upTo: number, ...found: readonly Found[]): Copy =>
  (_asked, reply) => {
    for (const each of found) reply(each);
    reply({ code: 204, text: "EOB", upTo });
  };
const hasNothing: Copy = (_asked, reply) => reply({ code: 404, text: "No Results" });
const cannotLoad: Copy = (_asked, reply) => reply({ code: 404, text: "Message Not Found" });
const isFrozen: Copy = () => {};

const sequenceOf = async (subject: string): Promise<number | undefined> => (await reads.newest(STREAM, [subject])).get(subject)?.sequence;

describe("of a stream with copies", () => {
  it("believes any copy while nothing is known to be stored", async () => {
    await play(has(4, { subject: "a", sequence: 3 }));
    expect(await sequenceOf("a")).toBe(3);
    expect(asked[0]).toEqual(["a"]);
  });

  it("believes none that is behind what is known to be stored, and asks until one is not", async () => {
    horizon.heard(STREAM, 9);
    await play(has(8, { subject: "a", sequence: 3 }), has(2), has(9, { subject: "a", sequence: 9 }));
    expect(await sequenceOf("a")).toBe(9);
    expect(asked.length, "where answers are slow another is asked beside").toBeGreaterThanOrEqual(3);
  });

  it("does not take for absent what a copy that does not say how far it has come does not have", async () => {
    horizon.heard(STREAM, 9);
    await play(
      hasNothing,
      has(5, { subject: "own.0", sequence: 5 }),
      has(9, { subject: "own.0", sequence: 7 }, { subject: "a", sequence: 9 }),
    );
    expect(await sequenceOf("a")).toBe(9);
    expect(asked.slice(0, 2)).toEqual([["a"], ["a", LANDMARK]]);
  });

  it("says that something is not there once a copy that has come far enough does not have it", async () => {
    horizon.heard(STREAM, 9);
    await play(hasNothing, has(12, { subject: "own.0", sequence: 7 }));
    expect(await sequenceOf("a")).toBeUndefined();
  });

  it("asks another where one cannot load what it has", async () => {
    await play(cannotLoad, has(3, { subject: "a", sequence: 3 }));
    expect(await sequenceOf("a")).toBe(3);
  });

  it("asks another beside one that says nothing", async () => {
    await play(isFrozen, has(3, { subject: "a", sequence: 3 }));
    expect(await sequenceOf("a")).toBe(3);
  });

  it("gives up where no copy comes so far in time", async () => {
    const shortly = new Answers(new Link(await rig.connect()), undefined, SHORT_DEADLINE_MS);
    reads = new Reads(shortly, 3, horizon);
    horizon.heard(STREAM, 9);
    await play(has(8, { subject: "a", sequence: 3 }));
    await expect(sequenceOf("a")).rejects.toMatchObject({ code: "no_answer", message: expect.stringContaining("as far as message 9") });
    shortly.close();
  });

  it("reads nothing older than what it has read once", async () => {
    await play(has(7, { subject: "a", sequence: 7 }), has(6, { subject: "a", sequence: 3 }), has(7, { subject: "a", sequence: 7 }));
    expect([await sequenceOf("a"), await sequenceOf("a")]).toEqual([7, 7]);
  });

  it("lists nothing from before what is known to be stored", async () => {
    horizon.heard(STREAM, 9);
    await play(has(8, { subject: "a", sequence: 3 }), has(10, { subject: "a", sequence: 3 }, { subject: "b", sequence: 9 }));
    expect((await reads.every(STREAM, ">")).map(({ subject }) => subject)).toEqual(["a", "b"]);
  });
});

describe("of a stream without copies", () => {
  beforeEach(() => void (reads = new Reads(answers, 1, horizon)));

  it("believes the one server, whatever is known", async () => {
    horizon.heard(STREAM, 9);
    await play(has(3, { subject: "a", sequence: 3 }));
    expect(await sequenceOf("a")).toBe(3);
    expect(asked).toHaveLength(1);
  });

  it("asks again where it could not load what it has: what comes after that is left out", async () => {
    await play(
      (all, reply) => {
        reply({ subject: "a", sequence: 3 });
        cannotLoad(all, reply);
      },
      has(5, { subject: "a", sequence: 3 }, { subject: "b", sequence: 5 }),
    );
    expect([...(await reads.newest(STREAM, ["a", "b"])).keys()]).toEqual(["a", "b"]);
  });
});
