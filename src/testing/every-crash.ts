import { inspect, isDeepStrictEqual } from "node:util";
import { formatAddress } from "../core/address.ts";
import { decodeRecord } from "../core/codec.ts";
import { coverOf } from "../core/cover.ts";
import { parseDuration, type Duration } from "../core/duration.ts";
import { TroupeError } from "../core/errors.ts";
import { asRecord, formatState } from "../core/record.ts";
import type { Step } from "../memory/steps.ts";
import type { World } from "../memory/world.ts";
import type { Commit, Write } from "../ports/store.ts";
import type { TestHost } from "./host.ts";
import type { TestTroupeOptions } from "./options.ts";
import { createTestTroupe, type TestTroupe } from "./troupe.ts";
import type { Work } from "./works.ts";

/** Opens a troupe in which hosts die as `everyCrash` wants it. */
export type OpenTroupe = (options: TestTroupeOptions) => TestTroupe;

export interface EveryCrashOptions<TOutcome> {
  /** When a host comes in the place of the one that died. Default: after 1 s of virtual time. */
  readonly restartAfter?: Duration;
  /** Whether an outcome is as good as the one without a crash. Default: deep equality. */
  readonly isSame?: (calm: TOutcome, crashed: TOutcome) => boolean;
  /** This point alone, from 1: to look at one that was reported. */
  readonly only?: number;
}

/** What was tried. */
export interface EveryCrashReport<TOutcome> {
  /** The outcome of every run. */
  readonly outcome: TOutcome;
  /** How many points there are at which a host can die. */
  readonly points: number;
  /** Points that a second run did not come to: the scenario depends on the real world, and these were not tried. */
  readonly unreached: readonly number[];
}

/** The first point at which a crash makes a difference. Made by `everyCrash`. */
export class CrashDifference extends Error {
  override readonly name = "CrashDifference";
  /** From 1. */
  readonly point: number;
  /** What the host was about to do. */
  readonly where: string;
  readonly calm: unknown;
  /** What came of it instead: an outcome, or what the scenario threw. */
  readonly crashed: { readonly outcome: unknown } | { readonly error: unknown };

  constructor(
    point: { readonly number: number; readonly of: number; readonly where: string },
    calm: unknown,
    crashed: CrashDifference["crashed"],
  ) {
    const told = "error" in crashed ? `with it: ${words(crashed.error)}` : `with it: ${inspect(crashed.outcome, { depth: 6 })}`;
    super(
      `The outcome is another where a host dies at point ${point.number} of ${point.of}: ${point.where}\n` +
        `without a crash: ${inspect(calm, { depth: 6 })}\n${told}\nThis one alone: everyCrash(scenario, { only: ${point.number} })`,
      "error" in crashed ? { cause: crashed.error } : {},
    );
    this.point = point.number;
    this.where = point.where;
    this.calm = calm;
    this.crashed = crashed;
  }
}

const DEFAULT_RESTART_MS = 1_000;

/**
 * Plays a scenario once undisturbed, then once for every point at which a host can die: before and after each commit, delivery and
 * acknowledgement, and wherever work has ended and that is not stored. Another host takes over each time. The scenario opens its
 * troupe, does what it does, waits for the end and returns what must not depend on crashes: states, outputs, the books of its mocks.
 * It makes everything anew in each run.
 * @throws CrashDifference at the first point whose outcome differs; what the undisturbed run throws; bad_options
 */
export async function everyCrash<TOutcome>(
  scenario: (open: OpenTroupe) => Promise<TOutcome>,
  options: EveryCrashOptions<TOutcome> = {},
): Promise<EveryCrashReport<TOutcome>> {
  const restartMs = parseDuration(options.restartAfter ?? DEFAULT_RESTART_MS);
  if (restartMs === undefined) throw new TroupeError("bad_options", `"${options.restartAfter}" is not a duration such as "1s"`);
  const { isSame = isDeepStrictEqual, only } = options;
  const calmRun = new Run(0, restartMs);
  const outcome = await scenario(calmRun.open);
  const of = calmRun.points;
  if (only !== undefined && !(Number.isInteger(only) && only >= 1 && only <= of))
    throw new TroupeError("bad_options", `"only" must be a whole number from 1 to ${of}, the points of this scenario, not ${only}`);
  const unreached: number[] = [];
  for (let number = only ?? 1; number <= (only ?? of); number++) {
    const run = new Run(number, restartMs);
    const crashed = await scenario(run.open).then(
      (its) => ({ outcome: its }),
      (error: unknown) => ({ error }),
    );
    if (run.where === undefined) unreached.push(number);
    else if ("error" in crashed || !isSame(outcome, crashed.outcome))
      throw new CrashDifference({ number, of, where: run.where }, outcome, crashed);
  }
  return { outcome, points: of, unreached };
}

/** One playing of a scenario, in which a host dies at one point, or none (0). */
class Run {
  readonly #dieAt: number;
  readonly #restartMs: number;
  /** How many points were passed. */
  points = 0;
  /** What the host that died was doing. */
  where: string | undefined;

  constructor(dieAt: number, restartMs: number) {
    this.#dieAt = dieAt;
    this.#restartMs = restartMs;
  }

  readonly open: OpenTroupe = (options) => {
    const troupe = createTestTroupe(options);
    const die = (world: World, host: TestHost, where: string): void => {
      this.where = `${host.id} ${where}`;
      host.kill("lost");
      world.clock.after(this.#restartMs, () => void troupe.startHost());
    };
    let world: World;
    troupe.observe({
      world: (its) => {
        world = its;
        world.onStep((step) => {
          const host = "host" in step ? troupe.hosts.find(({ id, isDead }) => id === step.host && !isDead) : undefined;
          const where = host === undefined ? undefined : whereOf(world, step);
          if (where !== undefined && ++this.points === this.#dieAt) die(world, host as TestHost, where());
        });
      },
      workEnded: (host, work) => {
        if (++this.points === this.#dieAt) die(world, host, whereWorkEnded(work));
      },
    });
    return troupe;
  };
}

function whereWorkEnded({ name, key, attempt }: Work): string {
  return `had finished attempt ${attempt} of ${name === "run" ? "" : `${name} of `}${key}, and nothing of that was stored`;
}

/** What the host is doing at a point where its death can matter; undefined elsewhere. */
function whereOf(world: World, step: Step): (() => string) | undefined {
  switch (step.kind) {
    case "delivered":
      return () => {
        const message = world.messages(step.partition, step.source).find(({ sequence }) => sequence === step.sequence);
        return `had been given ${message === undefined ? "a message" : `a message to ${formatAddress(message)}`} (${step.source}), and done nothing`;
      };
    case "commitSent":
      return () => `was about to store ${contents(step.commit)}`;
    case "commitApplied":
      return () => `had stored ${contents(step.commit)}, and not heard so`;
    case "commitAnswered":
      return () => `had heard that it stored ${contents(step.commit)}, and done nothing of what follows`;
    case "ackSent":
      return () => `was about to acknowledge a message (${step.source}) that it had handled`;
    default:
      return undefined;
  }
}

function contents({ writes }: Commit): string {
  return writes.map(wordsOf).join(", ");
}

function wordsOf(write: Write): string {
  switch (write.kind) {
    case "record":
      return `${formatAddress(write.address)}${coverOf(write.bytes) === undefined ? ` in ${formatState(asRecord(decodeRecord(write.bytes)).value)}` : ""}`;
    case "mail":
      return `mail to ${formatAddress(write.to)}`;
    case "timer":
      return `timer ${write.timer} of ${formatAddress(write.owner)}`;
    case "cancelTimer":
      return `the end of timer ${write.timer} of ${formatAddress(write.owner)}`;
    case "dead":
      return `a dead letter to ${formatAddress(write.address)}`;
    case "work":
      return `work of ${formatAddress(write.address)} for other hosts`;
    case "turn":
      return `turn ${write.revision} of ${formatAddress(write.address)}`;
    case "ticket":
      return `a ${write.ticket.stand} of ${formatAddress(write.address)}`;
    case "cancelTicket":
      return `the end of a ${write.ticket.stand} of ${formatAddress(write.address)}`;
    case "part":
    case "cancelPart":
      return `a part of ${formatAddress(write.address)}`;
  }
}

function words(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error);
}
