import { TroupeError } from "../core/errors.ts";
import { parseDuration, type Duration } from "../core/duration.ts";
import type { Connection } from "../memory/connection.ts";
import type { FaultPlan } from "../memory/faults.ts";
import type { InFlight } from "../memory/link.ts";
import type { World } from "../memory/world.ts";
import { SOURCES } from "../ports/mailbox.ts";
import type { Pacer } from "./pacer.ts";
import type { TestHost } from "./host.ts";

/** How often a fault comes, and to whom. */
export interface FaultOptions {
  /** Default: 1, the next one. */
  readonly times?: number;
  /** Whose. Default: whoever comes first. */
  readonly host?: TestHost;
}

export interface TroubledParts {
  readonly world: World;
  readonly pacer: Pacer;
  readonly client: Connection;
  readonly hosts: () => readonly TestHost[];
}

/**
 * What goes wrong between hosts, client and server, from the moment it is asked for. What befalls a host alone is a method of it:
 * `kill`, `freeze`, `disconnect`. Made by `createTestTroupe`.
 */
export class Faults {
  readonly #parts: TroubledParts;

  constructor(parts: TroubledParts) {
    this.#parts = parts;
  }

  /** The answer to the next commit is lost; what was committed is stored, or not. The host cannot know, and finds out. */
  loseAnswer({ stored = true, ...options }: FaultOptions & { readonly stored?: boolean } = {}): void {
    this.#plan.failCommits({ kind: "unknown", stored }, scopeOf(options));
  }

  /** The next commit takes so long. @throws bad_options */
  slowCommits(by: Duration, options: FaultOptions = {}): void {
    this.#plan.failCommits({ kind: "delayed", byMs: msOf("by", by) }, scopeOf(options));
  }

  /** Another host has taken the partitions of the next commit, it is told: nothing is stored. */
  loseOwnership(options: FaultOptions = {}): void {
    this.#plan.failCommits({ kind: "conflict" }, scopeOf(options));
  }

  /** Acknowledgements get lost: what was handled is delivered again when its source is read anew, and must change nothing. */
  loseAcknowledgements(options: FaultOptions = {}): void {
    this.#plan.dropAcks(scopeOf(options));
  }

  /** Everything that is not acknowledged is delivered once more. */
  redeliver(): void {
    const { world } = this.#parts;
    for (let partition = 0; partition < world.partitions; partition++) for (const source of SOURCES) world.rewind(partition, source);
    this.#parts.pacer.stir("fault");
  }

  /** The client's next message is stored, and its acknowledgement is lost: the client sends it again. */
  losePublishAnswer({ stored = true, times = 1 }: { readonly stored?: boolean; readonly times?: number } = {}): void {
    this.#plan.failRequests("publish", { applied: stored }, { times });
    this.#parts.pacer.stir("fault");
  }

  /** The client's connection breaks: requests fail, watches go on after `reconnectClient`. */
  disconnectClient(underWay: InFlight = "seeded"): void {
    this.#parts.client.disconnect(underWay);
    this.#parts.pacer.stir("fault");
  }

  reconnectClient(): void {
    this.#parts.client.reconnect();
    this.#parts.pacer.stir("fault");
  }

  /** The server goes down and comes back after so much virtual time (1 s), with everything that it had stored. @throws bad_options */
  restartServer(downFor: Duration = 1_000): void {
    const downMs = msOf("downFor", downFor);
    const { world, client } = this.#parts;
    const up = this.#parts.hosts().filter((host) => host.isConnected);
    const isClientUp = client.phase === "up";
    for (const host of up) host.disconnect();
    if (isClientUp) this.disconnectClient();
    world.clock.after(downMs, () => {
      for (const host of up) host.reconnect();
      if (isClientUp) this.reconnectClient();
    });
  }

  /** From here on everything goes well; what has happened has happened. */
  clear(): void {
    this.#plan.clear();
  }

  get #plan(): FaultPlan {
    this.#parts.pacer.stir("fault");
    return this.#parts.world.faults;
  }
}

function scopeOf({ times = 1, host }: FaultOptions): {
  readonly times: number;
  readonly when?: (sent: { readonly host: string }) => boolean;
} {
  return host === undefined ? { times } : { times, when: (sent) => sent.host === host.id };
}

/** @throws bad_options */
function msOf(name: string, value: Duration): number {
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  throw new TroupeError("bad_options", `"${name}" must be a duration such as "30s", not ${JSON.stringify(value)}`, {
    faults: [{ path: name, message: "must be a duration" }],
  });
}
