import type { PlanContext } from "../../machines/plan-context.ts";
import { formatAddress } from "../../src/core/address.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import type { Definition } from "../../src/core/definition.ts";
import { asRecord, isEnded, type ActorRecord } from "../../src/core/record.ts";
import { definePlan, type PlanOptions } from "../../src/define-plan.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** What a child of the plan `trip` is asked to do. */
export interface Errand {
  readonly key: string;
  readonly ms?: number;
  /** So many of its tries fail. */
  readonly failures?: number;
  readonly step?: number;
  readonly after?: readonly string[];
}
export interface Asked {
  readonly errands: readonly Errand[];
}
export type TripOptions = Partial<PlanOptions<Asked, unknown>>;

export const asked = (...keys: readonly string[]): Asked => ({ errands: keys.map((key) => ({ key })) });

/** A definition whatever its types are. */
type AnyDefinition = Omit<Definition, "~types">;

/** A stand with a plan `trip` over tasks `job`, and `unjob` that undoes them. */
export class Trip {
  readonly stand: Stand;
  /** What user code did, in order; a step that ran twice is in it twice. */
  readonly log: string[] = [];
  readonly #tries = new Map<string, number>();

  constructor(options: (trip: Trip) => TripOptions = () => ({}), stand: Partial<StandOptions> = {}, more: readonly AnyDefinition[] = []) {
    this.stand = new Stand({
      ...stand,
      tasks: (process) => {
        const note = (words: string): void => void (process.isDead || this.log.push(words));
        const job = process.task<Errand, string>({
          name: "job",
          retry: { attempts: 1 },
          run: async ({ input: { key, ms, failures = 0 }, signal }) => {
            if (ms !== undefined) await process.pause(ms, signal);
            const tries = (this.#tries.get(key) ?? 0) + 1;
            this.#tries.set(key, tries);
            if (tries <= failures) throw Object.assign(new Error(`${key} was asked to fail`), { code: "asked" });
            note(`job ${key}`);
            return key.toUpperCase();
          },
        });
        const unjob = process.task<string, void>({ name: "unjob", run: ({ input }) => note(`unjob ${input}`) });
        const plan = definePlan<Asked>({
          name: "trip",
          children: { job, unjob },
          expand: function* ({ input: { errands } }) {
            for (const { step, after, ...errand } of errands)
              yield {
                kind: "job",
                key: errand.key,
                input: errand,
                ...(step === undefined ? {} : { step }),
                ...(after === undefined ? {} : { after }),
              };
          },
          compensate: { job: ({ key }) => ({ kind: "unjob", input: key }) },
          ...options(this),
        });
        return [job, unjob, plan, ...more];
      },
    });
  }

  get record(): ActorRecord {
    const record = this.stand.record("trip", "1");
    if (record === undefined) throw new Error("there is no plan");
    return record;
  }

  get context(): PlanContext {
    return this.record.context as PlanContext;
  }

  get state(): string {
    return this.stand.state("trip", "1");
  }

  get hasEnded(): boolean {
    const record = this.stand.record("trip", "1");
    return record !== undefined && isEnded(record);
  }

  /** What was left behind, in words: mail, timers, actors that live, ends that came twice. */
  get leftovers(): readonly string[] {
    const { stand } = this;
    const records = [...stand.world.records].map(([key, bytes]) => [key, asRecord(decodeRecord(bytes))] as const);
    return [
      ...stand.laws.broken,
      ...stand.unacknowledged.map((left) => `unacknowledged: ${left}`),
      ...stand.world.timers.map(({ owner, timer }) => `timer ${timer} of ${formatAddress(owner)}`),
      ...records.flatMap(([key, record]) => (isEnded(record) ? [] : [`${key} lives`])),
      ...records.flatMap(([key, record]) => (record.outbox === undefined ? [] : [`${key} has mail to send`])),
      ...[...stand.laws.ends].flatMap(([key, ends]) => (ends.length === 1 ? [] : [`${key} ended ${ends.length} times`])),
      ...stand.deadLetters.map(({ key, code }) => `dead letter for ${key}: ${code}`),
    ];
  }

  /** How often each child was begun and how it ended: `job a done`. */
  get children(): readonly string[] {
    return [...this.stand.laws.ends]
      .filter(([key]) => key.includes("~"))
      .map(([key, [end]]) => `${key.slice(0, key.indexOf("/"))} ${key.split("~")[2]} ${end}`)
      .toSorted();
  }
}

/** Starts `trip/1` on one host and waits for its end. */
export async function played(trip: Trip, input: Asked, longestMs = 60_000): Promise<void> {
  await trip.stand.open({ concurrency: 50 });
  trip.stand.start("trip", "1", input);
  await trip.stand.until(() => trip.hasEnded, longestMs);
  await trip.stand.settle();
}
