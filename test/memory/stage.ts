import type { Attachment } from "../../src/memory/attachment.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import type { Step } from "../../src/memory/steps.ts";
import { createWorld, type World, type WorldOptions } from "../../src/memory/world.ts";
import type { CommitOutcome, Write } from "../../src/ports/store.ts";
import { addressIn, under } from "../contract/fixture.ts";
import { record } from "../contract/writes.ts";
import { drive } from "./fixture.ts";

export const X = addressIn(0, 4, "x");
export const Y = addressIn(0, 4, "y");

/** A world with one host that owns partition 0, for tests that look at one step at a time. */
export interface Stage {
  readonly clock: VirtualClock;
  readonly world: World;
  readonly host: Attachment;
  readonly fence: number;
  readonly steps: Step[];
  /** Drives the clock until a promise settles. */
  readonly drive: <T>(promise: Promise<T>) => Promise<T>;
  /** One record of X, alone in its commit. */
  readonly write: (body: string, ...more: Write[]) => Promise<CommitOutcome>;
  readonly stored: () => string | undefined;
}

export async function setStage(options: Partial<WorldOptions> = {}): Promise<Stage> {
  const clock = new VirtualClock();
  const world = createWorld({ clock, seed: 11, partitions: 4, ...options });
  const host = world.attach("host-a");
  const fence = (await drive(clock, host.leases.claim(0, "host-a", 0))) as number;
  const steps: Step[] = [];
  world.onStep((step) => steps.push(step));
  return {
    clock,
    world,
    host,
    fence,
    steps,
    drive: (promise) => drive(clock, promise),
    write: (body, ...more) => host.store.commit(under(0, fence, ...more, record(0, X, body))),
    stored: () => {
      const stored = world.read(X);
      return stored === undefined ? undefined : new TextDecoder().decode(stored);
    },
  };
}

/** What a promise has come to so far, without waiting. */
export function spy<T>(promise: Promise<T>): { state: "waiting" | "kept" | "broken"; value?: T; error?: unknown } {
  const seen: { state: "waiting" | "kept" | "broken"; value?: T; error?: unknown } = { state: "waiting" };
  promise.then(
    (value) => Object.assign(seen, { state: "kept", value }),
    (error: unknown) => Object.assign(seen, { state: "broken", error }),
  );
  return seen;
}
