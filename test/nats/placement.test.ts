import { oneof, record, sample, string, stringMatching } from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isId, isType } from "../../src/core/address.ts";
import { partitionOf } from "../../src/core/placement.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

it("computes the partition that the server adds", async () => {
  const system = await rig.system({ partitions: 16 });
  const type = stringMatching(/^[A-Za-z0-9_-]{1,12}$/).filter(isType);
  const id = oneof(stringMatching(/^[A-Za-z0-9_-]{1,20}$/), string({ unit: "grapheme", minLength: 1, maxLength: 12 })).filter(isId);
  const addresses = [{ type: "order", id: "ñandú" }, { type: "o", id: "日本語-🙂" }, ...sample(record({ type, id }), 200)];
  for (const address of addresses) {
    await system.publish(system.names.wayIn("normal", address));
    const partition = partitionOf(address.type, address.id, 16);
    expect(
      await system.read(system.names.storedIn(partition, "normal", address), system.names.streams.in),
      `${address.type}/${address.id}`,
    ).toBeDefined();
  }
});
