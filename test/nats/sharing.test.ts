import { afterAll, beforeAll, expect, it } from "vitest";
import { pino } from "pino";
import { connect, createHost, defineTask, type ActivityContext } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const where = (namespace: string) => ({ nats: { servers: `127.0.0.1:${rig.port}`, context: false as const }, namespace, partitions: 2 });
const log = pino({ level: "silent" });

/** Tasks of one process that wait until their gate is opened. */
function gated() {
  const running = new Set<string>();
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const run = async ({ actor, signal }: ActivityContext): Promise<string> => {
    running.add(actor.id);
    await Promise.race([gate, new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)))]);
    running.delete(actor.id);
    return "through";
  };
  return { running, open: () => open(), run };
}

it("20 tasks that wait, on two hosts of ten slots each, all run at once", { timeout: 30_000 }, async () => {
  const [one, two] = [gated(), gated()];
  const options = { ...where("twenty"), concurrency: 10, log };
  await using _a = await createHost({ ...options, actors: [defineTask({ name: "wait", run: one.run })] });
  await using _b = await createHost({ ...options, actors: [defineTask({ name: "wait", run: two.run })] });
  await using client = await connect(where("twenty"));
  const refs = await Promise.all(Array.from({ length: 20 }, (_, i) => client.start("wait", { id: `t${i}` })));
  await eventually("all of them run", () => one.running.size === 10 && two.running.size === 10, 10_000);
  one.open();
  two.open();
  expect(await Promise.all(refs.map((ref) => ref.result({ timeout: "10s" })))).toEqual(Array(20).fill("through"));
});

it("work goes to a host that has its labels, whatever it holds; progress, cancel and dates come through", { timeout: 30_000 }, async () => {
  const gate = gated();
  const render = defineTask<{ at: Date }, { at: Date; big: bigint }>({
    name: "render",
    labels: ["gpu"],
    run: async ({ input, progress }) => {
      progress({ percent: 50 });
      return { at: input.at, big: 5n };
    },
  });
  const actors = [render, defineTask({ name: "wait", labels: ["gpu"], run: gate.run })];
  await using owner = await createHost({ ...where("labels"), actors, log });
  await using client = await connect(where("labels"));
  await client.start("wait", { id: "w" });
  const waiting = await eventually("it waits, and says so", async () => {
    const view = await client.ref("wait", "w").get();
    return view?.kind === "task" && view.waiting !== undefined && view;
  });
  expect(waiting).toMatchObject({ state: "doing", waiting: { labels: ["gpu"] } });
  await using worker = await createHost({ ...where("labels"), actors, labels: ["gpu"], log });
  await eventually("it runs", () => gate.running.has("w"));
  expect(await client.ref("wait", "w").get()).toMatchObject({ state: "doing", worker: worker.id });
  expect(owner.statistics.running).toBe(0);

  const progress: unknown[] = [];
  const connection = await rig.connect();
  connection.subscribe("labels.event.render.r.progress", { callback: (_, message) => void progress.push(message.json()) });
  await connection.flush();
  const at = new Date("2027-01-01T00:00:00Z");
  expect(await client.run(render, { at }, { id: "r", timeout: "10s" })).toMatchObject({ big: "5" });
  expect(progress).toEqual([{ percent: 50 }]);

  await client.ref("wait", "w").cancel("enough");
  await expect(client.ref("wait", "w").result({ timeout: "5s" })).rejects.toMatchObject({ code: "cancelled" });
  await eventually("its signal has fired", () => gate.running.size === 0 || !worker.statistics.running);
});
