import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { Proxy } from "../support/proxy.ts";
import type { FieldHost } from "./field.ts";
import { Scene } from "./scene.ts";

const PARTITIONS = 4;
const COUNT = 60;

const CASES = [
  { name: "cut off both ways", from: (wire: Proxy) => wire.stall("both"), to: (wire: Proxy) => wire.flow() },
  { name: "not heard but hears", from: (wire: Proxy) => wire.stall("requests"), to: (wire: Proxy) => wire.flow() },
  { name: "heard but does not hear", from: (wire: Proxy) => wire.stall("answers"), to: (wire: Proxy) => wire.flow() },
  { name: "left with half-open connections", from: (wire: Proxy) => wire.swallowAll(), to: (wire: Proxy) => wire.cut() },
];

/** Once every partition belongs to it. */
async function hasAll(scene: Scene, host: FieldHost): Promise<void> {
  const id = await host.joined;
  const { recorder } = scene.field;
  await eventually(
    `${host.name} has every partition`,
    () => recorder.owners.size === PARTITIONS && [...recorder.owners.values()].every((owner) => owner === id),
    20_000,
  );
}

test.each(CASES)(
  "a host that is $name: another goes on, what arrives late changes nothing, and it serves again",
  { timeout: 90_000 },
  async ({ from, to, name }) => {
    await using scene = await Scene.open({ count: 1, partitions: PARTITIONS });
    const { field, load } = scene;
    const first = await field.host();
    await hasAll(scene, first);
    const second = await field.host();
    await second.joined;
    await load.begin(COUNT);
    scene.fault(name, first.name);
    first.wires.forEach(from);
    await hasAll(scene, second);
    // Among what is begun now some rest for seconds: whoever cannot hear must not come back to life meanwhile.
    const { position } = field.recorder;
    await load.begin(COUNT);
    await eventually("all of them have ended", () => scene.open.size === 0, 40_000);
    expect(field.recorder.lines.filter((line) => line.kind === "owned" && line.fence > position)).toEqual([]);
    first.wires.forEach(to);
    await load.begin(COUNT, "fail");
    await second.kill();
    await load.begin(COUNT, "park");
    const { breaches } = await scene.verdict();
    expect(breaches).toEqual([]);
    expect(first.hasEnded).toBe(false);
    await hasAll(scene, first);
  },
);
