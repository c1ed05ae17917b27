import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Address, StartLane } from "../../src/core/address.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import type { OwnerWord, WorkerWord } from "../../src/core/worker-talk.ts";
import type { Notice, WorkItem } from "../../src/ports/work.ts";
import { addressIn, bytes, take, text, under, type Attached, type WorkFixture } from "./fixture.ts";
import { record } from "./writes.ts";

/** The contract of src/ports/work.ts, and of the store's `work`. */
export function workContract(name: string, open: () => Promise<WorkFixture>): void {
  describe(`work: ${name}`, () => {
    let f: WorkFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("queues", () => queues(() => f));
    describe("talk", () => talk(() => f));
    describe("notices", () => notices(() => f));
  });
}

const isThere = async ({ a }: WorkFixture, address: Address): Promise<boolean> => (await a.work.find("normal", address)) !== undefined;

/** Offers work of partition 0, as an owner does; its address. */
async function offer(f: WorkFixture, name: string, lane: StartLane = "normal", type = "job"): Promise<{ type: string; id: string }> {
  const address = addressIn(0, f.partitions, name, type);
  const letter = { body: bytes(name), headers: { "Troupe-Token": `token of ${name}` } };
  const fence = (await f.a.leases.owners())[0]?.fence ?? 0;
  const outcome = await f.a.store.commit(
    under(0, fence, { kind: "work", partition: 0, lane, address, letter }, record(0, address, "offered")),
  );
  expect(outcome).toEqual({ kind: "committed" });
  f.a.work.announce({ kind: "offers", host: f.a.host, queues: [{ lane, type }] });
  return address;
}

/** Asks until so many came: what was committed is in its queue a moment later. */
async function fetched(f: WorkFixture, side: Attached, count: number, lane: StartLane = "normal"): Promise<readonly WorkItem[]> {
  const items: WorkItem[] = [];
  await f.until(async () => {
    items.push(...(await side.work.fetch(lane, "job", count - items.length)));
    return items.length === count;
  });
  return items;
}

function queues(fixture: () => WorkFixture): void {
  it("bring what was committed to one of those who fetch, in order, with all that it came with", async () => {
    const f = fixture();
    await take(f.a, 0);
    const names = ["one", "two", "three"];
    const addresses = [];
    for (const name of names) addresses.push(await offer(f, name));
    const items = [...(await fetched(f, f.b, 2)), ...(await fetched(f, f.a, 1))];
    expect(items.map(({ body }) => text(body))).toEqual(names);
    expect(items.map(({ type, id }) => ({ type, id }))).toEqual(addresses);
    expect(items.map(({ lane }) => lane)).toEqual(["normal", "normal", "normal"]);
    expect(items.map((item) => item.header("Troupe-Token"))).toEqual(names.map((name) => `token of ${name}`));
    expect(items[0]?.header("Troupe-Nothing")).toBe("");
    expect(await f.b.work.fetch("normal", "job", 5)).toEqual([]);
  });

  it("keep lanes and types apart, and answer at once where nothing is", async () => {
    const f = fixture();
    await take(f.a, 0);
    await offer(f, "one", "high");
    await offer(f, "other", "normal", "other");
    expect((await fetched(f, f.b, 1, "high")).map(({ body }) => text(body))).toEqual(["one"]);
    expect(await f.b.work.fetch("normal", "job", 5)).toEqual([]);
    expect(await f.b.work.fetch("low", "never", 5)).toEqual([]);
  });

  it("bring nothing of a commit that was refused", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    await take(f.b, 0);
    const address = addressIn(0, f.partitions, "one");
    const outcome = await f.a.store.commit(
      under(0, fence, { kind: "work", partition: 0, lane: "normal", address, letter: { body: bytes("x") } }, record(0, address, "x")),
    );
    expect(outcome).toEqual({ kind: "conflict", lost: [0] });
    await f.quiet();
    expect(await f.b.work.fetch("normal", "job", 1)).toEqual([]);
  });

  it("bring again what is given back, at once and to anybody, and no more what was acknowledged", async () => {
    const f = fixture();
    await take(f.a, 0);
    await offer(f, "one");
    await offer(f, "two");
    const [one, two] = await fetched(f, f.b, 2);
    two?.acknowledge();
    one?.giveBack();
    const [again] = await fetched(f, f.a, 1);
    expect(text(again?.body)).toBe("one");
    again?.acknowledge();
    await f.quiet();
    expect(await f.b.work.fetch("normal", "job", 5)).toEqual([]);
  });

  it("tell whether something is there still, in hand or not", async () => {
    const f = fixture();
    await take(f.a, 0);
    const address = await offer(f, "one");
    await f.until(() => isThere(f, address));
    expect(await f.a.work.find("low", address)).toBeUndefined();
    const [item] = await fetched(f, f.b, 1);
    const found = await f.a.work.find("normal", address);
    expect(found).toMatchObject({ ...address, lane: "normal" });
    expect([text(found?.body), found?.header(HEADERS.token)]).toEqual(["one", item?.header(HEADERS.token)]);
    item?.acknowledge();
    await f.until(async () => !(await isThere(f, address)));
  });

  it("are the owner's to take back, also what somebody has in hand", async () => {
    const f = fixture();
    await take(f.a, 0);
    const address = await offer(f, "one");
    await fetched(f, f.b, 1);
    const found = await f.a.work.find("normal", address);
    found?.giveBack();
    await f.quiet();
    expect(await isThere(f, address)).toBe(true);
    found?.acknowledge();
    await f.until(async () => !(await isThere(f, address)));
    expect(await f.b.work.fetch("normal", "job", 5)).toEqual([]);
  });

  it("bring as much as there is where more is asked for", async () => {
    const f = fixture();
    await take(f.a, 0);
    const addresses = [await offer(f, "one"), await offer(f, "two")];
    for (const address of addresses) await f.until(() => isThere(f, address));
    expect((await f.b.work.fetch("normal", "job", 5)).map(({ body }) => text(body))).toEqual(["one", "two"]);
  });

  it("forget what is withdrawn, also what somebody has in hand", async () => {
    const f = fixture();
    await take(f.a, 0);
    const address = await offer(f, "one");
    await offer(f, "two");
    const [item] = await fetched(f, f.b, 1);
    expect(text(item?.body)).toBe("one");
    f.a.work.withdraw("normal", address);
    await f.quiet();
    item?.giveBack();
    expect((await fetched(f, f.a, 1)).map(({ body }) => text(body))).toEqual(["two"]);
    expect(await f.b.work.fetch("normal", "job", 5)).toEqual([]);
  });
}

function talk(fixture: () => WorkFixture): void {
  const beat: WorkerWord = { say: "beat", token: "t", worker: "w" };

  it("reaches the partition's owner, and its answer the worker", async () => {
    const f = fixture();
    const address = addressIn(1, f.partitions, "one");
    const heard: unknown[] = [];
    const listening = f.a.work.attend(1, (call) => {
      heard.push([call.address, call.word]);
      call.answer({ say: "go" });
    });
    await f.quiet();
    const owner = f.a.work.ownerOf(1, address);
    expect(await f.b.work.ask(owner, beat)).toEqual({ say: "go" });
    f.b.work.tell(owner, { say: "progress", token: "t", worker: "w", value: { percent: 5 } });
    await f.until(() => heard.length === 2);
    expect(heard).toEqual([
      [address, beat],
      [address, { say: "progress", token: "t", worker: "w", value: { percent: 5 } }],
    ]);
    listening.close();
    await f.quiet();
    expect(await f.b.work.ask(owner, beat)).toBeUndefined();
  });

  it("is answered by nothing where nobody attends, or the owner says nothing", async () => {
    const f = fixture();
    const address = addressIn(2, f.partitions, "one");
    expect(await f.b.work.ask(f.b.work.ownerOf(2, address), beat)).toBeUndefined();
    f.a.work.attend(2, () => {});
    f.a.work.attend(3, (call) => call.answer({ say: "go" }));
    await f.quiet();
    expect(await f.b.work.ask(f.b.work.ownerOf(2, address), beat)).toBeUndefined();
  });

  it("comes to whoever listens, at once", async () => {
    const f = fixture();
    const told: OwnerWord[] = [];
    const inbox = f.b.work.listen((word) => void told.push(word));
    const word = { say: "stop", token: "t", reason: { name: "Error", message: "enough" } } as const;
    await f.quiet();
    f.a.work.push(inbox.subject, word);
    await f.until(() => told.length === 1);
    expect(told).toEqual([word]);
    inbox.close();
    await f.quiet();
    f.a.work.push(inbox.subject, word);
    await f.quiet();
    expect(told).toHaveLength(1);
  });

  it("brings results into the actor's mailbox, one for each id", async () => {
    const f = fixture();
    const address = addressIn(0, f.partitions, "one");
    const got: string[] = [];
    await take(f.a, 0);
    const inlet = await f.a.mailbox.open(0, "in.event", {
      receive: (delivery) => void got.push(`${delivery.id} ${delivery.header("Troupe-Kind")} ${text(delivery.body)}`),
      rewound() {},
    });
    inlet.want(10);
    const headers = { "Troupe-Kind": "result" };
    await f.b.work.report(address, "m1", bytes("first"), headers);
    await f.b.work.report(address, "m1", bytes("first"), headers);
    await f.b.work.report(address, "m2", bytes("second"), headers);
    await f.until(() => got.length === 2);
    await f.quiet();
    expect(got).toEqual([`${address.id} result first`, `${address.id} result second`]);
  });

  it("makes names that are never the same", () => {
    const { work } = fixture().a;
    const names = new Set(Array.from({ length: 100 }, () => work.newToken()));
    expect(names.size).toBe(100);
  });
}

function notices(fixture: () => WorkFixture): void {
  it("come to every host", async () => {
    const f = fixture();
    const heard: Notice[][] = [[], []];
    const listening = [f.a, f.b].map(({ work }, i) => work.hear((notice) => void heard[i]?.push(notice)));
    await f.quiet();
    const slots: Notice = { kind: "slots", host: f.a.host, free: 3, labels: ["gpu"] };
    const offers: Notice = { kind: "offers", host: f.a.host, queues: [{ lane: "low", type: "job" }] };
    f.a.work.announce(slots);
    await f.until(() => heard.every(({ length }) => length === 1));
    f.a.work.announce(offers);
    await f.until(() => heard.every(({ length }) => length === 2));
    expect(heard).toEqual([
      [slots, offers],
      [slots, offers],
    ]);
    listening[1]?.close();
    await f.quiet();
    f.a.work.announce(slots);
    await f.until(() => heard[0]?.length === 3);
    expect(heard[1]).toHaveLength(2);
  });
}
