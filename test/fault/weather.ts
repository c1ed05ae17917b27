import type { Random } from "../../src/memory/random.ts";
import type { Field, FieldHost } from "./field.ts";
import type { Scene } from "./scene.ts";
import type { FaultServer } from "./servers.ts";

export interface Climate {
  readonly hosts: number;
  /** How long it is calm between two troubles at most; they overlap. */
  readonly mostCalmMs: number;
  /** How long a freeze or a partition lasts at most. */
  readonly mostMs: number;
  /** By how much the time of day of a new host may be off, either way. */
  readonly mostSkewMs: number;
}

const IN_SYNC_WITHIN_MS = 60_000;

type Trouble = (random: Random) => Promise<void>;

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
      const trouble = this.#pick()(this.#random)
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

  #pick(): Trouble {
    const host = (what: string, cause: (host: FieldHost, ms: number) => Promise<void>): Trouble => {
      return async (random) => {
        const idle = this.#field.hosts.filter((each) => !this.#busy.has(each));
        if (idle.length > 0) await this.#on(random.pick(idle), what, (each) => cause(each, this.#spell(random)));
      };
    };
    const server = (what: string, cause: (server: FaultServer, ms: number) => Promise<void>): Trouble => {
      return async (random) => {
        const { all } = this.#field.servers;
        // Of three, two agree: with two in trouble nothing is stored until one is back, which is another test.
        if (all.some((each) => this.#busy.has(each))) return;
        await this.#on(random.pick(all), what, (each) => cause(each, this.#spell(random)));
      };
    };
    const wires = (what: string, from: (host: FieldHost) => void, to: (host: FieldHost) => void): Trouble =>
      host(what, async (each, ms) => {
        from(each);
        await pause(ms);
        to(each);
      });
    const flow = ({ wires }: FieldHost): void => wires.forEach((wire) => wire.flow());
    return this.#random.pick<Trouble>([
      host("host killed", async (each, ms) => {
        await each.kill();
        await pause(ms / 4);
        await this.fill();
      }),
      host("host killed", async (each) => {
        await each.kill();
        await this.fill();
      }),
      host("host drained", async (each) => {
        each.signal("SIGTERM");
        await each.ended;
        await this.fill();
      }),
      host("host frozen", async (each, ms) => {
        each.signal("SIGSTOP");
        await pause(ms);
        each.signal("SIGCONT");
      }),
      wires("host cut off both ways", (each) => each.wires.forEach((wire) => wire.stall("both")), flow),
      wires("host unheard", (each) => each.wires.forEach((wire) => wire.stall("requests")), flow),
      wires("host deaf", (each) => each.wires.forEach((wire) => wire.stall("answers")), flow),
      wires(
        "host half open",
        (each) => each.wires.forEach((wire) => wire.swallowAll()),
        (each) => each.wires.forEach((wire) => wire.cut()),
      ),
      wires(
        "host slow",
        (each) => each.wires.forEach((wire) => wire.slow({ delayMs: 40, bytesPerSecond: 100_000 })),
        (each) => each.wires.forEach((wire) => wire.slow({})),
      ),
      host("connections reset", async ({ wires: all }) => all.forEach((wire) => wire.cut())),
      server("server killed", async (each, ms) => {
        await each.kill();
        await pause(ms / 4);
        await each.start();
        await this.#field.servers.inSync(IN_SYNC_WITHIN_MS);
      }),
      server("server frozen", async (each, ms) => {
        each.signal("SIGSTOP");
        await pause(ms / 2);
        each.signal("SIGCONT");
        await this.#field.servers.inSync(IN_SYNC_WITHIN_MS);
      }),
    ]);
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

  #spell(random: Random): number {
    return 200 + random.below(this.#climate.mostMs - 200);
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
