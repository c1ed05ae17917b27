import { describe, expect, it } from "vitest";
import { playDurable } from "./durable.ts";
import { playLive } from "./live.ts";
import { scenes } from "./scenes/index.ts";

/** The same scenes played by XState itself and by durable actors: nobody who looks from outside could tell which was which. */
describe.each(scenes)("$name", (scene) => {
  it("is the same, live and durable", async () => {
    expect(await playDurable(scene)).toEqual(await playLive(scene));
  });
});
