import { HEADERS } from "../../src/core/envelope.ts";
import { drive } from "../memory/fixture.ts";
import { Stand } from "../runtime/stage.ts";
import type { Scene } from "./scene.ts";

/** Tasks whose attempt is offered to others. What was offered is not among what is restored: it is missed, and offered once more. */
const stand: Scene["stand"] = (options) =>
  new Stand({ ...options, tasks: (process) => [process.standard({ name: "gpu", labels: ["gpu"] })] });

const goOn: Scene["goOn"] = async (found, expect) => {
  await found.open({ labels: ["gpu"] });
  await found.until(() => found.state("gpu", "1") === "done", 200_000);
  expect(found.runsOf("gpu/1").map(({ host }) => host)).toEqual(["host-2"]);
  await found.advance(5_000);
};

const open: Scene = {
  stand,
  async bring(found) {
    found.start("gpu", "1", { ms: 10 });
    await found.until(() => found.record("gpu", "1")?.activities["run"]?.offer?.phase === "open");
  },
  goOn,
};

const taken: Scene = {
  stand,
  async bring(found) {
    found.start("gpu", "1", { ms: 10 });
    await found.settle();
    const { work } = found.world.attach("stranger");
    const [item] = await drive(found.clock, work.fetch("normal", "gpu", 1));
    const token = item?.header(HEADERS.token) ?? "";
    await drive(found.clock, work.ask(item?.header(HEADERS.owner) ?? "", { say: "take", token, worker: "stranger", tell: "told" }));
  },
  goOn,
};

export const OFFER_SCENES: Readonly<Record<string, Scene>> = { "a task that waits for a worker": open, "a task that a worker has taken": taken };
