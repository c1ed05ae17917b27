import type { Definition } from "../core/definition.ts";
import { parseDuration, type Duration } from "../core/duration.ts";
import { parseInstant } from "../core/envelope.ts";
import { TroupeError, type Fault } from "../core/errors.ts";
import { castOf } from "../define-actor.ts";

/** What is tested, and in what world. Every field but `actors` has a default. */
export interface TestTroupeOptions {
  readonly actors: readonly Definition[];
  /** Hosts that run from the beginning. Default: 1; 0 is allowed. */
  readonly hosts?: number;
  /** Chooses ids, the order of what happens at one instant, and what a connection that breaks still delivers. Default: 1. */
  readonly seed?: number;
  /** When it begins: epoch ms, RFC 3339 or a Date. Default: 2027-01-01T00:00Z. */
  readonly now?: number | string | Date;
  /** Partitions of the simulated server. Default: 2. */
  readonly partitions?: number;
  /** Attempts that one host may run at once. Default: 50. */
  readonly concurrency?: number;
  /**
   * How much real time a piece of user code gets that waits for the real world (a socket, a file, `setTimeout`), before virtual time
   * passes without it. Default: 200 ms. 0: user code waits for nothing real.
   */
  readonly patience?: Duration;
}

const DEFAULT_EPOCH_MS = Date.UTC(2027, 0, 1);
const DEFAULT_PATIENCE_MS = 200;
const DEFAULT_CONCURRENCY = 50;
const DEFAULT_PARTITIONS = 2;

/** Options without gaps. */
export interface CheckedOptions {
  readonly definitions: readonly Definition[];
  readonly hosts: number;
  readonly seed: number;
  readonly partitions: number;
  readonly concurrency: number;
  readonly patienceMs: number;
  readonly epochMs: number;
}

/** @throws bad_options listing every fault */
export function checkOptions(options: TestTroupeOptions): CheckedOptions {
  const { hosts = 1, seed = 1, partitions = DEFAULT_PARTITIONS, concurrency = DEFAULT_CONCURRENCY } = options;
  const patienceMs = parseDuration(options.patience ?? DEFAULT_PATIENCE_MS);
  const faults: Fault[] = [];
  const definitions = castOf(options.actors);
  const twice = definitions.filter(({ name }, i) => definitions.findIndex((other) => other.name === name) < i);
  for (const { name } of twice) faults.push({ path: `actors.${name}`, message: "is registered twice" });
  if (definitions.length === 0) faults.push({ path: "actors", message: "must name at least one definition" });
  if (patienceMs === undefined) faults.push({ path: "patience", message: `must be a duration such as "1s"` });
  for (const [path, value, least] of [
    ["hosts", hosts, 0],
    ["seed", seed, -Infinity],
    ["partitions", partitions, 1],
    ["concurrency", concurrency, 1],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      faults.push({ path, message: `must be a whole number${least === -Infinity ? "" : `, at least ${least}`}` });
  const epochMs = options.now === undefined ? DEFAULT_EPOCH_MS : epochMsOf(options.now);
  if (!Number.isFinite(epochMs)) faults.push({ path: "now", message: INSTANTS });
  if (faults.length > 0)
    throw new TroupeError("bad_options", `The test troupe cannot be made: ${faults.map((f) => `${f.path} ${f.message}`).join("; ")}`, {
      faults,
    });
  return { definitions, hosts, seed, partitions, concurrency, patienceMs: patienceMs ?? 0, epochMs };
}

const INSTANTS = "must be an instant: epoch milliseconds, RFC 3339 or a Date";

/** Epoch ms. @throws bad_options */
export function instantOf(at: number | string | Date): number {
  const epochMs = epochMsOf(at);
  if (Number.isFinite(epochMs)) return epochMs;
  throw new TroupeError("bad_options", `${JSON.stringify(at)} ${INSTANTS}`);
}

function epochMsOf(at: number | string | Date): number {
  return at instanceof Date ? at.getTime() : typeof at === "number" ? at : parseInstant(at);
}
