import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { Listening, WireMessage } from "../support/socket.ts";
import { socket, verb } from "./attended.ts";

/* A worker in another language: everything by hand, over a bare socket. */

interface View {
  readonly state: string;
  readonly output?: unknown;
  readonly error?: { readonly code?: string; readonly message: string };
  readonly attempt: number;
  readonly waiting?: { readonly labels: readonly string[] };
  readonly worker?: string;
}

const NEXT = "$JS.API.CONSUMER.MSG.NEXT.TROUPE_WORK.transcode-normal";
const view = async (id: string): Promise<View> => (await verb(`get.transcode.${id}`)).json<View>();
let count = 0;

/** The next of what is offered. */
async function pulled(): Promise<WireMessage> {
  const inbox = `pull.${count++}`;
  const came = socket.subscribe(inbox);
  socket.publish(NEXT, JSON.stringify({ batch: 1, expires: 5e9 }), { reply: inbox });
  return came.next();
}

/** Takes an attempt; what it says to its owner afterwards. */
async function taken(worker: string): Promise<{ work: WireMessage; told: Listening; say: (word: object) => Promise<{ say: string }> }> {
  const told = socket.subscribe(`told.${worker}`);
  for (;;) {
    const work = await pulled();
    const owner = work.headers["Troupe-Owner"] ?? "";
    const token = work.headers["Troupe-Token"] ?? "";
    const say = async (word: object) => (await socket.request(owner, { token, worker, ...word })).json<{ say: string }>();
    const answer = await say({ say: "take", tell: `told.${worker}` });
    socket.publish(work.reply);
    // What is over already may come again; whoever takes it is told, and takes the next.
    if (answer.say !== "stop") {
      expect(answer).toEqual({ say: "go" });
      return { work, told, say };
    }
  }
}

async function report({ headers }: WireMessage, id: string, end: object): Promise<void> {
  const answer = await socket.request(
    `troupe.in.event.transcode.${id}`,
    { token: headers["Troupe-Token"], ...end },
    { "Troupe-Kind": "result" },
  );
  expect(answer.json<object>()).toHaveProperty("seq");
}

test("a failure that it reports is tried again, and the second attempt says which it is", async () => {
  await verb("submit.transcode", { id: "retried", input: { file: "a" } });
  const first = await taken("r1");
  expect(first.work.headers["Troupe-Attempt"]).toBe("1");
  await report(first.work, "retried", { error: { message: "no such codec", code: "codec" } });
  const second = await taken("r2");
  expect(second.work.headers["Troupe-Attempt"]).toBe("2");
  await report(second.work, "retried", { error: { message: "still none" } });
  await eventually("it has failed", async () => (await view("retried")).state === "failed");
  expect((await view("retried")).error).toMatchObject({ message: "still none" });
});

test("it is seen who works, and a cancel comes at once", async () => {
  await verb("submit.transcode", { id: "cancelled" });
  await eventually("it waits", async () => (await view("cancelled")).waiting !== undefined);
  const { told, say } = await taken("c1");
  expect(await view("cancelled")).toMatchObject({ state: "doing", worker: "c1" });
  expect(await say({ say: "beat" })).toEqual({ say: "go" });
  await verb("cancel.transcode.cancelled", { reason: "enough" });
  const stop = (await told.next()).json<{ say: string; reason: { code: string } }>();
  expect(stop).toMatchObject({ say: "stop", reason: { code: "cancelled" } });
  expect((await say({ say: "beat" })).say).toBe("stop");
});

test("one that falls silent is given up: another gets the work, and what it says then is discarded", { timeout: 20_000 }, async () => {
  await verb("submit.transcode", { id: "silent" });
  const dead = await taken("s1");
  const heir = await taken("s2");
  expect((await dead.say({ say: "beat" })).say).toBe("stop");
  await report(dead.work, "silent", { output: "late" });
  await report(heir.work, "silent", { output: "in time" });
  await eventually("it is done", async () => (await view("silent")).state === "done");
  expect((await view("silent")).output).toBe("in time");
});

test("what it gives back unbegun is offered again at once", async () => {
  await verb("submit.transcode", { id: "back" });
  const { say } = await taken("b1");
  await say({ say: "back", begun: false });
  const { work } = await taken("b2");
  expect(work.headers["Troupe-Attempt"]).toBe("1");
  await report(work, "back", { output: 1 });
  await eventually("it is done", async () => (await view("back")).state === "done");
});

test("two that have the same message: one may begin, the other is told to stop", async () => {
  await verb("submit.transcode", { id: "twice" });
  const { work, say } = await taken("t1");
  const owner = work.headers["Troupe-Owner"] ?? "";
  const other = await socket.request(owner, { say: "take", token: work.headers["Troupe-Token"], worker: "t2" });
  expect(other.json<{ say: string }>().say).toBe("stop");
  // Asked again, since its answer may have been lost, the first may go on.
  expect(await say({ say: "take" })).toEqual({ say: "go" });
  await report(work, "twice", { output: 1 });
  await eventually("it is done", async () => (await view("twice")).state === "done");
});

test("its result may go to the owner itself, which has it once it says stop", async () => {
  await verb("submit.transcode", { id: "direct" });
  const { say } = await taken("d1");
  await eventually("it is stored", async () => (await say({ say: "result", output: { seconds: 9 } })).say === "stop");
  expect(await view("direct")).toMatchObject({ state: "done", output: { seconds: 9 } });
});

test("what makes no sense is answered by nothing, and harms nobody", async () => {
  await verb("submit.transcode", { id: "odd" });
  const { work, say } = await taken("o1");
  const owner = work.headers["Troupe-Owner"] ?? "";
  for (const body of ["", "{", "[]", "null", '{"say":"take"}', '{"say":"dance","token":"t","worker":"w"}']) socket.publish(owner, body);
  for (const body of ["{", '{"output":1}', '{"token":7}'])
    await socket.request("troupe.in.event.transcode.odd", body, { "Troupe-Kind": "result" });
  expect(await say({ say: "beat" })).toEqual({ say: "go" });
  await report(work, "odd", { output: 1 });
  await eventually("it is done", async () => (await view("odd")).state === "done");
  const { letters } = (await verb("dead.list", { type: "transcode" })).json<{ letters: readonly { code: string }[] }>();
  expect(letters.map(({ code }) => code)).toEqual(["bad_payload", "bad_payload", "bad_payload"]);
});
