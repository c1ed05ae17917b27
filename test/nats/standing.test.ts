import { afterAll, beforeAll, expect, it } from "vitest";
import { Answers } from "../../src/nats/answers.ts";
import { HeaderBlock, ttlLine } from "../../src/nats/header-block.ts";
import { Link } from "../../src/nats/link.ts";
import { store } from "../../src/nats/pub-ack.ts";
import { Reads } from "../../src/nats/reads.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;

/** This server forgets in time; so it is later here than there. */
it("a record that a copy holds long after it has run out is not there", async () => {
  const { names, connection } = await rig.system();
  const answers = new Answers(new Link(connection), undefined, 5_000);
  const [short, long, kept] = ["short", "long", "kept"].map((id) => names.state({ type: "t", id })) as [string, string, string];
  await store(answers, short, Buffer.from("a"), new HeaderBlock(ttlLine(HOUR_MS)));
  await store(answers, long, Buffer.from("b"), new HeaderBlock(ttlLine(3 * HOUR_MS)));
  await store(answers, kept, Buffer.from("c"), new HeaderBlock(""));
  const at = async (laterMs: number): Promise<readonly string[]> => {
    const reads = new Reads(answers, 1, undefined, () => Date.now() + laterMs);
    return [...(await reads.newest(names.streams.core, [short, long, kept])).keys()];
  };
  expect(await at(0)).toEqual([short, long, kept]);
  expect(await at(HOUR_MS + 30_000), "clocks may differ").toEqual([short, long, kept]);
  expect(await at(HOUR_MS + 90_000)).toEqual([long, kept]);
  expect(await at(1_000 * HOUR_MS)).toEqual([kept]);
  answers.close();
});
