import type { Random } from "../../src/memory/random.ts";
import type { Field } from "./field.ts";

/** Of a hundred actors that are begun, so many are of each type. */
const SHARES = { brief: 38, rerun: 22, fail: 12, park: 12, diary: 8, family: 5, trip: 3 } as const;
type Root = keyof typeof SHARES;

const LONGEST_WORK_MS = 400;

/** What somebody outside was promised. */
export interface Promised {
  readonly actor: string;
  /** When it was accepted, epoch ms. */
  readonly at: number;
  /** How it must end, and what it must have heard. */
  readonly states: readonly string[];
  readonly heard?: readonly string[];
}

/** Begins actors at a pace, and never more than may be open at once: who begins one goes on until it is accepted. */
export class Load {
  readonly promised: Promised[] = [];
  /** Of what was sent, what nobody has accepted so far. */
  unaccepted = 0;
  /** Notes that were not accepted in all the time that they had. */
  readonly unsaid: string[] = [];
  readonly #field: Field;
  readonly #random: Random;
  readonly #accept: (promised: Promised) => void;
  readonly #open: () => number;
  #next = 0;

  /** @param open how many of those that were promised have not ended */
  constructor(field: Field, random: Random, accept: (promised: Promised) => void, open: () => number) {
    this.#field = field;
    this.#random = random;
    this.#accept = accept;
    this.#open = open;
  }

  /** Until `signal` aborts; resolves once everything that was sent is accepted. */
  async run({ perSecond, mostOpen }: { readonly perSecond: number; readonly mostOpen: number }, signal: AbortSignal): Promise<void> {
    const sending = new Set<Promise<void>>();
    while (!signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 1000 / perSecond));
      if (this.#open() + this.unaccepted >= mostOpen) continue;
      const sent = this.#begin().finally(() => sending.delete(sent));
      sending.add(sent);
    }
    await Promise.all(sending);
  }

  /** So many at once, of one type or of whatever comes; resolves once all of it is accepted. */
  async begin(count: number, type?: Root): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#begin(type)));
  }

  async #begin(type = this.#pick()): Promise<void> {
    const id = `${type}-${this.#next++}`;
    const plan = this.#planned(type);
    this.unaccepted++;
    await this.#accepted(() => this.#field.client.start(type, { id, input: plan.input, ...plan.options }));
    this.unaccepted--;
    const { states, heard } = plan;
    const promised = { actor: `${type}/${id}`, at: Date.now(), states, ...(heard === undefined ? {} : { heard }) };
    this.promised.push(promised);
    this.#accept(promised);
    for (let n = 0; n < (plan.notes ?? 0); n++) await this.#say(id, `outside#${n}`);
  }

  /** Once: a note that is sent again under another message id could be heard twice. */
  async #say(diary: string, name: string): Promise<void> {
    await this.#field.client
      .ref("diary", diary)
      .send({ type: "note", name })
      .catch((error: unknown) => void this.unsaid.push(`${name} to diary/${diary}: ${String(error)}`));
  }

  /** The same id again is the same actor. */
  async #accepted(start: () => Promise<unknown>): Promise<void> {
    for (;;) {
      const isAccepted = await start().then(
        () => true,
        () => false,
      );
      if (isAccepted) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #pick(): Root {
    let left = this.#random.below(100);
    for (const [type, share] of Object.entries(SHARES)) if ((left -= share) < 0) return type as Root;
    return "brief";
  }

  #planned(type: Root): Plan {
    const random = this.#random;
    const ms = random.chance(0.3) ? random.below(LONGEST_WORK_MS) : 0;
    const failures = random.chance(0.1) ? 1 + random.below(2) : 0;
    const restMs = random.pick([30, 300, 2_000, 6_000]);
    switch (type) {
      case "diary": {
        const notes = 1 + random.below(4);
        const heard = Array.from({ length: notes }, (_, n) => `outside#${n}`);
        return { input: { notes, restMs }, states: ["over"], notes, heard: [...heard, "timer#0", "chore#0"] };
      }
      case "family": {
        const members = 1 + random.below(4);
        return { input: { members, waitMs: restMs }, states: ["over"] };
      }
      case "trip": {
        const children = 2 + random.below(10);
        const failing = random.chance(0.3) ? children - 1 : -1;
        return { input: { children, ms: random.below(40), failing }, states: failing < 0 ? ["done"] : ["failed"] };
      }
      case "fail":
        return { input: { ms, failures }, states: ["done", "failed"] };
      case "park":
        return { input: { ms, failures }, states: ["done", "parked"] };
      default: {
        const options = random.chance(0.1) ? { options: { delay: random.pick([50, 1_000, 6_000]) } } : {};
        return { input: { ms, failures }, states: ["done"], ...options };
      }
    }
  }
}

interface Plan {
  readonly input: unknown;
  readonly options?: { readonly delay?: number };
  readonly states: readonly string[];
  readonly heard?: readonly string[];
  readonly notes?: number;
}
