/** Who can be measured. Add one by adding its two scripts here; `throughput.ts` knows nothing else about it. */
import type { Contender } from "./contender.ts";

// Compiled beside this file, so the extension is that of the output.
const script = (name: string): URL => new URL(`./${name}.js`, import.meta.url);

const floor = (name: string, ...args: string[]): Contender => ({
  name,
  worker: { script: script("floor-worker"), args },
  producer: { script: script("floor-producer"), args: args.slice(1) },
});

export const contenders: readonly Contender[] = [
  floor("floor-batched", "batched"),
  floor("floor-pipelined", "pipelined"),
  { name: "troupe", worker: { script: script("troupe-worker"), args: [] }, producer: { script: script("troupe-producer"), args: [] } },
  // Only to learn what the product gives up by allowing nothing but plain messages on IN.
  floor("floor-atomic-in", "pipelined", "atomic-in"),
];

export const defaultContenders: readonly string[] = ["floor-batched", "floor-pipelined", "troupe"];
