import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { partitionOf } from "../../src/core/placement.ts";
import { readPosition, readSentAt, readTarget } from "../../src/nats/delivery.ts";
import { namesOf } from "../../src/nats/names.ts";
import type { Delivery, Inlet, Mailbox, Reader } from "../../src/ports/mailbox.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { startRig, type Rig, type System } from "./rig.ts";

let rig: Rig;
let system: System;
let proxy: Proxy;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  system = await rig.system();
  proxy = await startProxy(rig.port);
});
afterEach(() => proxy[Symbol.asyncDispose]());

const SOURCE = "in.normal";
/** Ids of partition 0. */
const ids = Array.from({ length: 400 }, (_, i) => `d${i}`).filter((id) => partitionOf("order", id, 4) === 0);

class Log implements Reader {
  deliveries: Delivery[] = [];
  rewinds = 0;
  inlet: Inlet | undefined;

  static async open(mailbox: Mailbox, want: number): Promise<Log> {
    const log = new Log();
    log.inlet = await mailbox.open(0, SOURCE, log);
    log.inlet.want(want);
    return log;
  }

  receive(delivery: Delivery): void {
    this.deliveries.push(delivery);
  }

  rewound(): void {
    this.rewinds++;
    this.deliveries = [];
  }

  get ids(): string[] {
    return this.deliveries.map(({ id }) => id);
  }
}

const publish = async (from: number, to: number) => {
  for (const id of ids.slice(from, to)) await system.publish(system.names.wayIn("normal", { type: "order", id }), `{"id":"${id}"}`);
};

describe("deliveries", () => {
  it("say what they are", async () => {
    await publish(0, 1);
    const log = await Log.open(system.adapter.mailbox, 10);
    await eventually("one", () => log.deliveries.length === 1);
    const [first] = log.deliveries as [Delivery];
    expect(first).toMatchObject({ partition: 0, source: SOURCE, lane: "normal", type: "order", id: ids[0], sequence: 1 });
    expect(Buffer.from(first.body).toString()).toBe(`{"id":"${ids[0]}"}`);
    expect(first.header("Nats-Msg-Id")).toBe("");
    expect(Math.abs(first.sentAt - Date.now())).toBeLessThan(5000);
  });

  it("come no more than wanted, and after a stop only when wanted again", async () => {
    await publish(0, 30);
    const log = await Log.open(system.adapter.mailbox, 10);
    await eventually("ten", () => log.deliveries.length === 10);
    log.inlet?.want(5);
    log.inlet?.want(0);
    await system.connection.flush();
    await system.connection.flush();
    expect(log.deliveries.length).toBe(10);
    log.inlet?.want(50);
    await eventually("the rest", () => log.deliveries.length === 30);
    expect(log.ids).toEqual(ids.slice(0, 30));
    expect(log.rewinds).toBe(0);
  });

  it("go on in order over many pulls without a rewind", async () => {
    const { connection, names } = system;
    const type = "order";
    for (let i = 0; i < 5000; i++) connection.publish(names.wayIn("normal", { type, id: ids[i % ids.length] as string }), "{}");
    const log = new Log();
    const sequences: number[] = [];
    log.receive = (delivery) => {
      sequences.push(delivery.sequence);
      delivery.acknowledge();
      log.inlet?.want(64);
    };
    log.inlet = await system.adapter.mailbox.open(0, SOURCE, log);
    log.inlet.want(64);
    await eventually("all", () => sequences.length === 5000);
    expect(sequences).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    expect(log.rewinds).toBe(0);
  });

  it("are bounded in bytes, and large ones still come", async () => {
    const body = "x".repeat(700_000);
    for (const id of ids.slice(0, 12)) await system.publish(system.names.wayIn("normal", { type: "order", id }), body);
    const log = await Log.open(system.adapter.mailbox, 100);
    await eventually("all", () => log.deliveries.length === 12);
    expect(log.ids).toEqual(ids.slice(0, 12));
  });
});

describe("deliveries that went elsewhere", () => {
  it.each([
    ["a heartbeat, when nothing follows", 4],
    ["the gap in the numbers", 3],
  ])("come again from the beginning, in order: noticed by %s", async (_how, stolenFirst) => {
    // A zombie's pull that was outstanding before the reset and outlives it. It takes what the reset sets free, until it is full.
    const { consumer, stream, pull } = system.names.source(0, SOURCE);
    const zombie = await rig.connect();
    let stolen = 0;
    const inbox = "zombie.inbox";
    zombie.subscribe(inbox, { callback: (_, message) => void (message.reply !== undefined && message.reply !== "" && stolen++) });
    zombie.publish(pull, JSON.stringify({ batch: stolenFirst, expires: 60_000_000_000 }), { reply: inbox });
    await eventually("the zombie's pull", async () => {
      const info = JSON.parse((await system.connection.request(`$JS.API.CONSUMER.INFO.${stream}.${consumer}`)).string()) as {
        num_waiting: number;
      };
      return info.num_waiting === 1;
    });
    const log = await Log.open(system.adapter.mailbox, 100);
    await publish(0, 4);
    await eventually("all four here", () => log.deliveries.length === 4, 10_000);
    expect(log.ids).toEqual(ids.slice(0, 4));
    expect(stolen).toBe(stolenFirst);
    expect(log.rewinds).toBeGreaterThanOrEqual(1);
  });

  it("do not keep two hosts that both believe in their lease busy", async () => {
    await publish(0, 4);
    const zombie = await system.another();
    const old = await Log.open(zombie.mailbox, 100);
    await eventually("all at the zombie", () => old.deliveries.length === 4);
    const log = await Log.open(system.adapter.mailbox, 100);
    await eventually("both notice", () => log.rewinds + old.rewinds >= 6, 15_000);
    await old.inlet?.close();
    await eventually("all four here", () => log.deliveries.length === 4, 15_000);
    expect(log.ids).toEqual(ids.slice(0, 4));
    expect(log.rewinds + old.rewinds).toBeLessThan(40);
  }, 40_000);

  it("make acknowledgements from before worthless", async () => {
    await publish(0, 3);
    const first = await Log.open(system.adapter.mailbox, 10);
    await eventually("three", () => first.deliveries.length === 3);
    const void_ = first.deliveries;
    await first.inlet?.close();
    for (const delivery of void_) delivery.acknowledge();
    const second = await Log.open((await system.another()).mailbox, 10);
    await eventually("three again", () => second.deliveries.length === 3);
    expect(second.ids).toEqual(ids.slice(0, 3));
  });
});

describe("a connection that breaks", () => {
  it("starts every inlet over, with what is not forgotten first", async () => {
    const through = await system.another({ via: proxy.port });
    await publish(0, 4);
    const log = await Log.open(through.mailbox, 100);
    await eventually("four", () => log.deliveries.length === 4);
    await system.adapter.store.forget(0, SOURCE, log.deliveries[0]?.sequence as number);
    proxy.swallowAnswers();
    await publish(4, 6);
    const old = log.deliveries;
    proxy.cut();
    await publish(6, 8);
    await eventually("all the rest, in order", () => log.deliveries.length === 7, 10_000);
    expect(log.rewinds).toBeGreaterThanOrEqual(1);
    expect(log.ids).toEqual(ids.slice(1, 8));
    for (const delivery of old) delivery.acknowledge();
    await system.connection.flush();
    expect(
      await system.read(system.names.storedIn(0, "normal", { type: "order", id: ids[1] as string }), system.names.streams.in),
      "old acknowledgements are void",
    ).toBeDefined();
  });

  it("goes on when the server comes back", async () => {
    await publish(0, 2);
    const log = await Log.open(system.adapter.mailbox, 100);
    await eventually("two", () => log.deliveries.length === 2);
    await rig.stop();
    await rig.start();
    await eventually("two again", () => log.rewinds > 0 && log.deliveries.length === 2, 10_000);
    expect(log.ids).toEqual(ids.slice(0, 2));
  });
});

describe("a consumer that is gone", () => {
  it("is made again where that is allowed, also while it is read", async () => {
    const log = await Log.open(system.adapter.mailbox, 10);
    await publish(0, 1);
    await eventually("one", () => log.deliveries.length === 1);
    await system.connection.request(`$JS.API.CONSUMER.DELETE.${system.names.streams.in}.p0-normal`);
    await eventually("one again", () => log.rewinds > 0 && log.deliveries.length === 1, 10_000);
    expect(log.ids).toEqual(ids.slice(0, 1));
  });

  it("is not_provisioned where it is not", async () => {
    await system.connection.request(`$JS.API.CONSUMER.DELETE.${system.names.streams.in}.p0-normal`);
    const adapter = await system.another({ mayCreate: false });
    await expect(adapter.mailbox.open(0, SOURCE, new Log())).rejects.toMatchObject({ code: "not_provisioned" });
  });
});

describe("awaits", () => {
  it("knows starts on the way in until they are forgotten, and events are none", async () => {
    const address = { type: "order", id: ids[0] as string };
    const { mailbox } = system.adapter;
    await system.publish(system.names.wayIn("event", address));
    expect(await mailbox.awaits(address)).toBe(false);
    await publish(0, 1);
    expect(await mailbox.awaits(address)).toBe(true);
    const log = await Log.open(mailbox, 1);
    await eventually("one", () => log.deliveries.length === 1);
    expect(await mailbox.awaits(address)).toBe(true);
    await system.adapter.store.forget(0, SOURCE, log.deliveries[0]?.sequence as number);
    expect(await mailbox.awaits(address)).toBe(false);
  });

  it("knows starts of children until they are forgotten", async () => {
    const address = { type: "order", id: ids[0] as string };
    const { mailbox, store, leases } = system.adapter;
    const fence = (await leases.claim(0, "me", 0)) as number;
    await store.commit({
      fences: new Map([[0, fence]]),
      writes: [{ kind: "mail", partition: 0, lane: "low", to: address, message: "m", letter: { body: Buffer.from("{}") } }],
    });
    expect(await mailbox.awaits(address)).toBe(true);
    const log = new Log();
    const inlet = await mailbox.open(0, "mail.start", log);
    inlet.want(1);
    await eventually("one", () => log.deliveries.length === 1);
    expect(log.deliveries[0]).toMatchObject({ lane: "low", source: "mail.start", id: address.id });
    await store.forget(0, "mail.start", log.deliveries[0]?.sequence as number);
    expect(await mailbox.awaits(address)).toBe(false);
  });
});

describe("reply subjects", () => {
  const names = namesOf("n").source(3, "mail.start");
  it.each([
    ["$JS.ACK.N_CORE.p3-start.1.200.17.1795245831946644447.2"],
    ["$JS.ACK.hub.Ab12.N_CORE.p3-start.1.200.17.1795245831946644447.2"],
    ["$JS.ACK._.Ab12.N_CORE.p3-start.1.200.17.1795245831946644447.2.x7"],
  ])("are read in every form: %s", (reply) => {
    expect(readPosition(names, reply)).toEqual({ streamSequence: 200, consumerSequence: 17 });
    expect(readSentAt(names, reply)).toBe(1795245831946);
  });

  it("of others are not ours", () => {
    expect(readPosition(names, "$JS.ACK.N_CORE.p4-start.1.200.17.1795245831946644447.2")).toBeUndefined();
  });

  it("subjects name lane and address", () => {
    expect(readTarget(names, "n.mail.3.high.order.1.m9")).toEqual({ lane: "high", type: "order", id: "1" });
    expect(readTarget(namesOf("n").source(3, "in.event"), "n.in.3.event.order.1")).toEqual({ lane: "event", type: "order", id: "1" });
    expect(readTarget(names, "n.mail.3.nolane.order.1.m9")).toBeUndefined();
  });
});
