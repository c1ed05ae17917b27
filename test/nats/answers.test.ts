import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Answers } from "../../src/nats/answers.ts";
import { Link } from "../../src/nats/link.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
let responder: NatsConnection;
let answers: Answers;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  responder = await rig.connect();
  answers = new Answers(new Link(await rig.connect()), undefined, 300);
});

/** Requests as they arrive, unanswered. */
function requests(): { next(): Promise<Msg> } {
  const arrived = responder.subscribe("question")[Symbol.asyncIterator]();
  return { next: async () => (await arrived.next()).value as Msg };
}

/** What becomes of a question: the answer's text, or the code of the silence. */
function ask(): Promise<string> {
  return new Promise((resolve) => {
    answers.send("question", Buffer.from("?"), undefined, {
      heard(message) {
        resolve(message.string());
        return true;
      },
      silent: ({ code }) => resolve(code),
    });
  });
}

describe("answers", () => {
  it("ask again under a number whose answer is complete", async () => {
    const arriving = requests();
    await responder.flush();
    const first = ask();
    const question = await arriving.next();
    question.respond("one");
    expect(await first).toBe("one");
    const second = ask();
    const again = await arriving.next();
    expect(again.reply).toBe(question.reply);
    again.respond("two");
    expect(await second).toBe("two");
  });

  it("never give a late answer to somebody else", async () => {
    const arriving = requests();
    await responder.flush();
    const first = ask();
    const late = await arriving.next();
    expect(await first).toBe("no_answer");
    const second = ask();
    const question = await arriving.next();
    late.respond("too late");
    question.respond("in time");
    expect(await second).toBe("in time");
    expect(question.reply).not.toBe(late.reply);
  });

  it("have a number each while they are open", async () => {
    const arriving = requests();
    await responder.flush();
    const asked = [ask(), ask(), ask()];
    const arrived = [await arriving.next(), await arriving.next(), await arriving.next()];
    expect(new Set(arrived.map(({ reply }) => reply)).size).toBe(3);
    for (const [i, question] of arrived.entries()) question.respond(String(i));
    expect(await Promise.all(asked)).toEqual(["0", "1", "2"]);
  });
});
