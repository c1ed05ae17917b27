import { describe, expect, it } from "vitest";
import { playDurable, type Between } from "./durable.ts";
import { playLive } from "./live.ts";
import { scenes } from "./scenes/index.ts";
import type { StandOptions } from "../runtime/stage.ts";
import type { Scene } from "./story.ts";

/** Longer than a lease: by then somebody else has a dead host's partitions. */
const TAKE_OVER_MS = 29_000;

/** Every actor leaves memory with its host, and goes on elsewhere from its record. */
const moved: Between = async (stand, process) => {
  await process.stop();
  return stand.open();
};

/** The host dies, and what it had not acknowledged is delivered again. */
const killed: Between = async (stand, process) => {
  process.kill();
  return stand.open();
};

/** The host dies while messages are under way, at another moment every time. */
const killedMidway = (seed: number): Between => {
  let kills = 0;
  return async (stand, process) => {
    await stand.advance((seed * 13 + kills++ * 29) % 97);
    process.kill();
    return stand.open();
  };
};

/** Of two scenes one with all mail over the store, one with as little as can be. */
const waysOf = (seed: number): StandOptions => (seed % 2 === 0 ? { nearMail: false } : { isAcquainted: true });

const slowly = (scene: Scene): Scene => ({
  ...scene,
  isSlow: true,
  steps: [TAKE_OVER_MS, ...scene.steps.flatMap((step) => [step, TAKE_OVER_MS])],
});

/** Other ones for every scene: with so many, what can only happen at one moment happens to one of them. */
const seeds = (count: number, place: number): number[] => Array.from({ length: count }, (_, i) => place * count + i + 1);

/** The same scenes played by XState itself and by durable actors: nobody who looks from outside could tell which was which. */
describe.each(scenes.map((scene, place) => [scene.name, scene, place] as const))("%s", (_name, scene, place) => {
  const patient = slowly(scene);
  const [live, slowlyLive] = [once(() => playLive(scene)), once(() => playLive(patient))];

  it("is the same, live and durable", async () => {
    expect(await playDurable(scene)).toEqual(await live());
  });

  it("is the same where no actor stays in memory", async () => {
    expect(await playDurable(scene, { host: { cacheBytes: 0 } })).toEqual(await live());
  });

  it("is the same where all mail goes over the store", async () => {
    expect(await playDurable(scene, { world: { nearMail: false } })).toEqual(await live());
  });

  it("is the same where children begin without being mailed", async () => {
    expect(await playDurable(scene, { world: { isAcquainted: true } })).toEqual(await live());
  });

  // Skipped where work begins anew on another host, which XState alone does not do: a counter in a callback starts over.
  it.skipIf(scene.isRestarted)("is the same where every step finds another host", async () => {
    // A timer whose host has left fires by its schedule, a little later.
    expect(await playDurable(patient, {}, moved)).toEqual(await slowlyLive());
  });

  it.skipIf(scene.isRestarted)("is the same where every host dies", async () => {
    expect(await playDurable(patient, {}, killed)).toEqual(await slowlyLive());
  });

  it.each(seeds(3, place))("is the same over a slow connection, however messages overtake each other (%i)", async (seed) => {
    expect(await playDurable(patient, { world: { seed, maxLatencyMs: 20, ...waysOf(seed) } })).toEqual(await slowlyLive());
  });

  // Skipped also where custom actions send: they run at least once, and so does what they send.
  it.skipIf(scene.isRestarted ?? scene.isRepeated).each(seeds(4, place))(
    "comes to the same states where hosts die midway (%i)",
    async (seed) => {
      const { states, heard } = await playDurable(patient, { world: { seed, maxLatencyMs: 20, ...waysOf(seed) } }, killedMidway(seed));
      const story = await slowlyLive();
      expect({ states, heard }).toEqual({ states: story.states, heard: story.heard });
    },
  );
});

/** XState tells the same story every time; one telling serves all modes. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
