import type { ExpectStatic } from "vitest";
import type { ActorRecord } from "../../src/core/record.ts";
import type { Process } from "../runtime/process.ts";
import type { Stand, StandOptions } from "../runtime/stage.ts";

/** A story with a host that dies in the middle: what the server then held is golden, and every version must be able to go on from it. */
export interface Scene {
  /** `isFirst`: in the life before the host died, whose user code may hang where that of later ones goes on. */
  readonly stand: (options: Partial<StandOptions> & { readonly isFirst: boolean }) => Stand;
  /** Brings it to where the host is to die, on a host that has joined; may kill the host itself. */
  readonly bring: (stand: Stand, host: Process) => Promise<void>;
  /** To its end, on a host that has joined and found what was held. */
  readonly goOn: (stand: Stand, expect: ExpectStatic, held: ReadonlyMap<string, ActorRecord>) => Promise<void>;
}

/** The host dies with the first commit after which it is so, without an answer. */
export async function dies(stand: Stand, host: Process, isTime: () => boolean, limitMs?: number): Promise<void> {
  stand.world.onStep((step) => {
    if (step.kind === "commitApplied" && isTime()) host.kill("lost");
  });
  await stand.until(() => host.isDead, limitMs);
}
