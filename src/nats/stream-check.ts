import { METADATA } from "./names.ts";
import type { StreamConfig } from "./streams.ts";

/** What an operator may change without asking us. */
const FREE = new Set(["max_bytes", "num_replicas", "storage", "duplicate_window", "metadata", "max_age"]);
/** Of CORE none of these is free: a limit evicts records. */
const NEVER_LIMITED = new Set(["max_bytes", "max_msgs", "max_age"]);

/** Where an existing stream differs from what we need, each as `<stream>: <field> is …`. Nothing where it does not exist. */
export function compareStream(wanted: StreamConfig, actual: StreamConfig | undefined): readonly string[] {
  if (actual === undefined) return [];
  const faults: string[] = [];
  for (const [field, value] of Object.entries(wanted)) {
    const limited = wanted["allow_atomic"] === true && NEVER_LIMITED.has(field);
    if (FREE.has(field) && !limited) continue;
    const there = actual[field];
    if (!sameValue(value, there)) faults.push(`${wanted.name}: ${field} is ${JSON.stringify(there)}, must be ${JSON.stringify(value)}`);
  }
  const [mine, theirs] = [wanted, actual].map(
    (config) => (config["metadata"] as Record<string, string> | undefined)?.[METADATA.partitions],
  );
  if (mine !== theirs)
    faults.push(`${wanted.name}: metadata ${METADATA.partitions} is ${JSON.stringify(theirs)}, must be ${JSON.stringify(mine)}`);
  return faults;
}

/** The server leaves out what is false, zero or empty, and adds fields of its own to objects. */
function sameValue(wanted: unknown, actual: unknown): boolean {
  if (actual === undefined) return wanted === false || wanted === 0 || wanted === "";
  if (Array.isArray(wanted))
    return Array.isArray(actual) && wanted.length === actual.length && wanted.every((each, i) => sameValue(each, actual[i]));
  if (typeof wanted === "object" && wanted !== null) {
    return (
      typeof actual === "object" &&
      actual !== null &&
      Object.entries(wanted).every(([key, value]) => sameValue(value, (actual as Record<string, unknown>)[key]))
    );
  }
  return wanted === actual;
}
