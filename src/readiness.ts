import { TroupeError } from "./core/errors.ts";
import type { Readiness } from "./health.ts";
import type { Leases } from "./ports/leases.ts";
import type { Host } from "./runtime/host.ts";

/** A probe waits no longer: those who ask have deadlines of their own, of a few seconds. */
const ROUND_TRIP_MS = 2000;

const OWN_DOING = {
  joining: "The host has not taken its partitions yet",
  draining: "The host finishes what runs and takes nothing new",
  left: "The host has left",
} as const;

/** Looks whether a host can take up work: by what it knows of itself, and then by a round trip to the leader of CORE. */
export async function readinessOf(host: Host, leases: Leases): Promise<Readiness> {
  const { id, phase } = host;
  if (phase !== "active") return { kind: phase, host: id, message: OWN_DOING[phase] };
  if (!host.isTrusted)
    return { kind: "untrusted", host: id, message: "The host's signs of life are not stored; its partitions may become another's" };
  const since = performance.now();
  try {
    await withDeadline(leases.owners());
    return { kind: "ready", host: id, roundTripMs: Math.round((performance.now() - since) * 10) / 10 };
  } catch (error) {
    return { kind: "unanswered", host: id, message: (error as Error).message };
  }
}

async function withDeadline<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TroupeError("no_answer", `JetStream has not answered within ${ROUND_TRIP_MS / 1000} s`)),
      ROUND_TRIP_MS,
    );
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
