import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect, createHost, defineTask, type ActivityContext } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const where = (namespace: string) => ({ nats: { servers: `127.0.0.1:${rig.port}`, context: false as const }, namespace, partitions: 4 });
const log = pino({ level: "silent" });

interface Job {
  readonly tenant: string;
}

/** What runs now in all hosts of a test, by tenant, and the most that did. */
class Floor {
  readonly running = new Map<string, number>();
  all = 0;
  most = 0;
  mostOfOne = 0;
  finished: string[] = [];

  readonly run = async ({ actor, input, signal }: ActivityContext<Job>): Promise<void> => {
    const { tenant } = input;
    this.all++;
    this.running.set(tenant, (this.running.get(tenant) ?? 0) + 1);
    this.most = Math.max(this.most, this.all);
    this.mostOfOne = Math.max(this.mostOfOne, this.running.get(tenant) ?? 0);
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, 5);
        signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)));
      });
      this.finished.push(actor.id);
    } finally {
      this.all--;
      this.running.set(tenant, (this.running.get(tenant) ?? 0) - 1);
    }
  };
}

const job = (floor: Floor) =>
  defineTask<Job>({ name: "job", limits: { atOnce: 4, key: ({ tenant }) => tenant, perKey: { atOnce: 2 } }, run: floor.run });

it("two hosts run no more at once than a type and each of its keys may, and lose nothing", { timeout: 30_000 }, async () => {
  const floor = new Floor();
  await using _a = await createHost({ ...where("both"), actors: [job(floor)], log });
  await using _b = await createHost({ ...where("both"), actors: [job(floor)], log });
  await using client = await connect(where("both"));
  const ids = Array.from({ length: 200 }, (_, n) => `t${n}`);
  const refs = await Promise.all(ids.map((id, n) => client.start("job", { id, input: { tenant: `k${n % 3}` } })));
  await Promise.all(refs.map((ref) => ref.result({ timeout: "20s" })));
  expect(floor.most).toBe(4);
  expect(floor.mostOfOne).toBe(2);
  expect(floor.finished.toSorted()).toEqual(ids.toSorted());
});

it(
  "goes on when the host that had the gate leaves, when the connection is lost, and when the server starts again",
  { timeout: 60_000 },
  async () => {
    const floor = new Floor();
    const options = { ...where("troubled"), actors: [job(floor)], log };
    const first = await createHost(options);
    await using _second = await createHost(options);
    await using client = await connect(where("troubled"));
    const ids = Array.from({ length: 300 }, (_, n) => `t${n}`);
    const refs = await Promise.all(ids.map((id, n) => client.start("job", { id, input: { tenant: `k${n % 5}` } })));
    await eventually("some are done", () => floor.finished.length > 20);
    await first.drain("5s");
    const then = floor.finished.length;
    await eventually("more are done", () => floor.finished.length > then + 20, 20_000);
    await rig.stop();
    await rig.start();
    await Promise.all(refs.map((ref) => ref.result({ timeout: "30s" })));
    expect(new Set(floor.finished).size).toBe(300);
    expect(floor.mostOfOne).toBeLessThanOrEqual(2);
  },
);

it("a task that waits says so, and what for; cancelled, it ends at once", { timeout: 30_000 }, async () => {
  const slow = defineTask<undefined>({
    name: "slow",
    limits: { atOnce: 1 },
    run: ({ signal }) => new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  });
  await using host = await createHost({ ...where("waits"), actors: [slow], log });
  await using client = await connect(where("waits"));
  const first = await client.start("slow", { id: "first" });
  await eventually("it runs", async () => (await first.get())?.state === "doing");
  const second = await client.start("slow", { id: "second" });
  const view = await eventually("it waits", async () => {
    const seen = await second.get();
    return seen?.kind === "task" && seen.waiting !== undefined && seen;
  });
  expect(view).toMatchObject({ state: "undo", waiting: { permit: "" } });
  await eventually("the gate has heard of it", () => host.statistics.gates[0]?.waiting === 1);
  expect(host.statistics.gates).toEqual([{ type: "slow", waiting: 1, out: 1 }]);
  await second.cancel();
  await expect(second.result({ timeout: "5s" })).rejects.toMatchObject({ code: "cancelled" });
  await first.cancel();
  await expect(first.result({ timeout: "5s" })).rejects.toMatchObject({ code: "cancelled" });
});
