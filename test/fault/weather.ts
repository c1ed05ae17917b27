import type { Random } from "../../src/memory/random.ts";
import type { Field, FieldHost } from "./field.ts";
import type { Scene } from "./scene.ts";
import type { FaultServer } from "./servers.ts";
import { HOST_TROUBLES, serverTroubles, type Trouble } from "./troubles.ts";

export interface Climate {
  readonly hosts: number;
  /** How long it is calm between two troubles at most; they overlap. */
  readonly mostCalmMs: number;
  /** How long a freeze or a partition lasts at most. */
  readonly mostMs: number;
  /** By how much the time of day of a new host may be off, either way. */
  readonly mostSkewMs: number;
}

/** Causes trouble at random, from a seed, and ends all of it. */
export class Weather {
  readonly counts: Record<string, number> = {};
  readonly #scene: Scene;
  readonly #field: Field;
  readonly #random: Random;
  readonly #climate: Climate;
  readonly #busy = new Set<FieldHost | FaultServer>();
  /** Hosts that had joined and ended although nobody had ended them, with their last words; servers that did not come back. */
  readonly surprises: string[] = [];
  #filling: Promise<void> = Promise.resolve();

  constructor(scene: Scene, random: Random, climate: Climate) {
    this.#scene = scene;
    this.#field = scene.field;
    this.#random = random;
    this.#climate = climate;
  }

  /** Until `signal` aborts; resolves once every trouble has been ended. */
  async run(signal: AbortSignal): Promise<void> {
    const troubles = new Set<Promise<void>>();
    while (!signal.aborted) {
      await pause(this.#random.below(this.#climate.mostCalmMs), signal);
      if (signal.aborted) break;
      await this.fill();
      const trouble = this.#strike()
        .catch((error: unknown) => void this.surprises.push(String(error)))
        .finally(() => troubles.delete(trouble));
      troubles.add(trouble);
    }
    await Promise.all(troubles);
    await this.fill();
  }

  /** As many hosts as there should be. */
  fill(): Promise<void> {
    return (this.#filling = this.#filling.then(async () => {
      while (this.#field.hosts.length < this.#climate.hosts) await this.#begin();
    }));
  }

  async #begin(): Promise<void> {
    const { mostSkewMs } = this.#climate;
    const host = await this.#field.host({ skewMs: this.#random.chance(0.5) ? this.#random.below(2 * mostSkewMs + 1) - mostSkewMs : 0 });
    const joined = host.joined.then(
      () => true,
      () => false,
    );
    void host.ended.then(async (how) => {
      if (this.#busy.has(host) || this.#field.isClosing) return;
      // Who cannot join in the middle of trouble gives up; the next one tries again.
      if (await joined) this.surprises.push(`${host.name} ended with ${how}:\n${host.lastWords()}`);
      else this.#count("host that could not join");
    });
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  async #strike(): Promise<void> {
    const random = this.#random;
    const ms = 200 + random.below(this.#climate.mostMs - 200);
    const { servers, hosts } = this.#field;
    const onServers = serverTroubles(servers);
    const what = random.pick([...Object.keys(HOST_TROUBLES), ...Object.keys(onServers)]);
    const onServer = onServers[what];
    if (onServer !== undefined) {
      // Of three, two agree: with two in trouble nothing is stored until one is back.
      if (servers.all.some((server) => this.#busy.has(server))) return;
      return this.#on(random.pick(servers.all), what, (server) => onServer(server, ms));
    }
    const idle = hosts.filter((host) => !this.#busy.has(host));
    if (idle.length > 0) await this.#on(random.pick(idle), what, (host) => (HOST_TROUBLES[what] as Trouble<FieldHost>)(host, ms));
    await this.fill();
  }

  async #on<Victim extends FieldHost | FaultServer>(victim: Victim, what: string, cause: (victim: Victim) => Promise<void>): Promise<void> {
    this.#busy.add(victim);
    this.#count(what);
    this.#scene.fault(what, victim.name);
    try {
      await cause(victim);
    } finally {
      this.#busy.delete(victim);
    }
  }
}

/** Not after `signal` has aborted. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
  });
}
