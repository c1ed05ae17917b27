import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { partitionOf } from "../../src/core/placement.ts";
import type { WorkItem } from "../../src/ports/work.ts";
import { drive } from "../memory/fixture.ts";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

/** A task that only a host with a gpu can do. */
const gpu = (process: Process) => [process.standard({ name: "gpu", labels: ["gpu"] })];

/** Nothing of all that is left anywhere. */
function expectClean(stand: Stand): void {
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.world.offeredWork).toEqual([]);
  stand.check();
}

/** A worker of no host, that says what a test wants it to say. */
function stranger(stand: Stand) {
  const { work } = stand.world.attach("stranger");
  return {
    work,
    fetched: async (): Promise<WorkItem> => {
      let item: WorkItem | undefined;
      while (item === undefined) [item] = await drive(stand.clock, work.fetch("normal", "gpu", 1));
      return item;
    },
    say: (item: WorkItem, word: { readonly say: "take" | "beat" }) =>
      drive(stand.clock, work.ask(item.header(HEADERS.owner), { ...word, token: item.header(HEADERS.token), worker: "stranger" })),
  };
}

test("an offer that somebody acknowledged and never took is offered once more", async () => {
  const stand = new Stand({ tasks: gpu });
  await stand.open();
  stand.start("gpu", "1");
  await stand.settle();
  (await stranger(stand).fetched()).acknowledge();
  await stand.advance(30_000);
  expect(stand.world.offeredWork).toEqual([]);
  await stand.advance(100_000);
  await stand.open({ labels: ["gpu"] });
  await stand.advance(5_000);
  expect(stand.state("gpu", "1")).toBe("done");
  expectClean(stand);
});

test("a worker that lives and never ends is not waited for longer than the task's timeout", async () => {
  const stand = new Stand({
    tasks: (process) => [process.standard({ name: "gpu", labels: ["gpu"], timeout: "8s", retry: { attempts: 1 } })],
  });
  await stand.open();
  stand.start("gpu", "1");
  await stand.settle();
  const worker = stranger(stand);
  const { say } = worker;
  const item = await worker.fetched();
  expect(await say(item, { say: "take" })).toEqual({ say: "go" });
  item.acknowledge();
  for (let beats = 0; beats < 12; beats++) {
    expect(await say(item, { say: "beat" })).toEqual({ say: "go" });
    await stand.advance(1_000);
  }
  await stand.advance(1_500);
  expect(await say(item, { say: "beat" })).toMatchObject({ say: "stop", reason: { code: "timeout" } });
  expect(stand.context("gpu", "1").error?.code).toBe("timeout");
  expectClean(stand);
});

test("results come to their owner also where the way in is full of what waits for their slots", async () => {
  const stand = new Stand({ tasks: gpu, inMaxMessages: 3 });
  await stand.open({ concurrency: 1 });
  await stand.open({ concurrency: 1, labels: ["gpu"] });
  await stand.advance(5_000);
  const owner = stand.processes[0]?.name;
  const isOwned = (id: string): boolean => stand.world.owner(partitionOf("gpu", id, stand.world.partitions)).host === owner;
  const ids = Array.from({ length: 40 }, (_, i) => `${i}`)
    .filter(isOwned)
    .slice(0, 3);
  for (const id of ids) stand.start("gpu", id, { ms: 1_000 });
  expect(() => stand.start("gpu", "more")).toThrow(expect.objectContaining({ code: "in_full" }));
  await stand.advance(20_000);
  for (const id of ids) expect(stand.state("gpu", id)).toBe("done");
  expectClean(stand);
});
