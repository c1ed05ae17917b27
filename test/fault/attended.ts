import { afterAll, beforeAll } from "vitest";
import { FaultStand } from "./stand.ts";

/** A stand of the importing file's own, from before its first test until after its last: provisioned, heard, and without a host. */
export let stand: FaultStand;

beforeAll(async () => {
  stand = await FaultStand.open();
  const first = stand.host();
  await first.joined;
  await stand.attend();
  await first.kill();
});
afterAll(async () => stand[Symbol.asyncDispose]());
