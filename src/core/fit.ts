import type { Address } from "./address.ts";
import { formatAddress } from "./address.ts";
import type { Turn, TurnAt } from "./actor.ts";
import type { Definition } from "./definition.ts";
import { NO_EFFECTS } from "./draft.ts";
import { enter } from "./entering.ts";
import { toErrorRecord, TroupeError, type ErrorRecord, type Fault } from "./errors.ts";
import { missingStates, notBegun } from "./missing.ts";
import { formatState, type ActorRecord, type Parked } from "./record.ts";
import { revive } from "./revival.ts";
import { chainOf, compareVersions, type Migration, type StoredSnapshot } from "./versions.ts";

/**
 * Whether a stored actor can go on under a definition: with the version that wrote it where that is kept beside the newest, as it is
 * where its state resolves, by the migrations that lead from its version to this one, or not at all.
 *
 * A migration that is registered for the record's version is always applied, also where the state would resolve without it: it may be
 * about the context alone.
 */
export type Fit =
  | { readonly kind: "same"; readonly definition: Definition }
  | {
      readonly kind: "moved";
      readonly definition: Definition;
      /** Under the definition's version and shape, not parked for want of it any more. */
      readonly turn: Turn;
      readonly from: string;
      /** Versions whose migrations were applied. */
      readonly migrated: readonly string[];
      /** What its states would have begun in this version and the record shows no trace of, and a version that was not raised. */
      readonly notes: readonly Fault[];
    }
  | { readonly kind: "misfit"; readonly definition: Definition; readonly error: TroupeError };

/** Codes of actors that wait for a definition. */
const MISFIT_CODES: ReadonlySet<string> = new Set(["unknown_state", "migration_failed", "newer_version"]);

export function fit(newest: Definition, address: Address, record: ActorRecord, at: TurnAt): Fit {
  const definition = versionFor(newest, record.version);
  const isSame = record.version === definition.version && record.shape === definition.shape;
  // How an actor ended is read from its record; its machine is not asked any more.
  if (record.status !== "active" || (isSame && !isMisfit(record.parked))) return { kind: "same", definition };
  try {
    return moved(definition, address, record, at);
  } catch (error) {
    if (error instanceof TroupeError) return { kind: "misfit", definition, error };
    throw error;
  }
}

/** The version of a definition that a start or a record asks for; the newest where it is not kept. */
export function versionFor(newest: Definition, version: string): Definition {
  return version === newest.version ? newest : (newest.versions?.find((elder) => elder.version === version) ?? newest);
}

/** Whether it waits for a definition, rather than for a person. */
export function isMisfit(parked: Parked | undefined): boolean {
  return parked !== undefined && MISFIT_CODES.has(parked.reason);
}

/** @throws newer_version, migration_failed, unknown_state */
function moved(definition: Definition, address: Address, record: ActorRecord, at: TurnAt): Fit {
  const about = formatAddress(address);
  if (compareVersions(record.version, definition.version) > 0)
    throw new TroupeError(
      "newer_version",
      `${about} was written by version ${record.version}; this host has version ${definition.version}`,
      {
        about,
      },
    );
  const chain = chainOf(definition.migrations ?? [], record.version, definition.version);
  const snapshot = migrated(chain, about, record);
  const { version, shape } = definition;
  const { parked, ...rest } = record;
  const still = isMisfit(parked) ? parked?.earlier : parked;
  const after: ActorRecord = {
    ...rest,
    ...snapshot,
    version,
    shape,
    ...(still === undefined ? {} : { parked: still }),
    revision: record.revision + 1,
    epoch: at.epoch,
    updatedAt: at.now,
  };
  demandStates(definition, about, record, after);
  const turn = restored(definition, address, record, after, chain.length > 0, at);
  const notes = record.shape === shape ? [] : notesOf(definition, record, turn.actor.record);
  return { kind: "moved", definition, turn, from: record.version, migrated: chain.map(({ from }) => from), notes };
}

/** What nobody may have thought of. */
function notesOf({ logic, machine, version }: Definition, before: ActorRecord, after: ActorRecord): readonly Fault[] {
  const forgotten = { path: "version", message: `is ${version} as before, and the machine is another: raise it` };
  return [...(before.version === version ? [forgotten] : []), ...(logic === "machine" ? notBegun(machine, after) : [])];
}

/** @throws migration_failed, unknown_state where user code or XState cannot make an actor of the record */
function restored(
  definition: Definition,
  address: Address,
  before: ActorRecord,
  after: ActorRecord,
  isMigrated: boolean,
  at: TurnAt,
): Turn {
  const event = { type: "troupe.version", from: before.version, to: after.version };
  try {
    if (isMigrated) return { ...enter(definition, address, before.value, after, at), event };
    return { actor: revive(definition, address, after), effects: NO_EFFECTS, kind: "changed", event };
  } catch (cause) {
    const code = isMigrated ? "migration_failed" : "unknown_state";
    const about = formatAddress(address);
    const words = `${about} of version ${before.version} cannot be taken up in version ${after.version}: ${(cause as Error).message}`;
    throw new TroupeError(code, words, { about, cause });
  }
}

/** @throws migration_failed */
function migrated(chain: readonly Migration[], about: string, record: ActorRecord): Partial<StoredSnapshot> {
  if (chain.length === 0) return {};
  const { value, context, historyValue } = record;
  // A copy: whoever migrates in place has not changed the record that is kept if this fails.
  let snapshot = structuredClone({ value, context, ...(historyValue === undefined ? {} : { historyValue }) }) as StoredSnapshot;
  for (const { from, migrate } of chain) {
    const failed = (why: string, cause?: unknown): TroupeError =>
      new TroupeError("migration_failed", `The migration of ${about} from version ${from} ${why}`, { about, cause });
    let next: unknown;
    try {
      next = migrate(snapshot);
    } catch (cause) {
      throw failed(`threw: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
    }
    if (!isSnapshot(next)) throw failed("gave back no snapshot: { value, context } was expected");
    snapshot = next;
  }
  const { value: nextValue, context: nextContext, historyValue: nextHistory } = snapshot;
  return { value: nextValue, context: nextContext, ...(nextHistory === undefined ? {} : { historyValue: nextHistory }) };
}

function isSnapshot(value: unknown): value is StoredSnapshot {
  if (typeof value !== "object" || value === null || !("value" in value) || !("context" in value)) return false;
  return typeof value.value === "string" || (typeof value.value === "object" && value.value !== null);
}

/** @throws unknown_state, with every path that is missing */
function demandStates(definition: Definition, about: string, before: ActorRecord, after: ActorRecord): void {
  const faults: Fault[] = [];
  const kind = before.kind ?? "task";
  if (kind !== definition.kind) faults.push({ path: definition.name, message: `was ${kind === "task" ? "a task" : "an actor"}` });
  else if (definition.logic === "machine") faults.push(...missingStates(definition.machine, after.value));
  else if (Object.keys(after.value).length > 0)
    faults.push({ path: `${definition.name}.value`, message: "names a state, and this version has transition logic without any" });
  faults.push(...(definition.misfits?.(after.context) ?? []));
  // Where a migration has moved the actor, what its states of old had begun is stopped.
  if (formatState(after.value) === formatState(before.value))
    for (const [id, { src }] of Object.entries(after.activities))
      if (!definition.activities.has(src))
        faults.push({ path: `activities.${id}`, message: `is work at "${src}", which this version has not` });
  if (faults.length === 0) return;
  const words = faults.map(({ path, message }) => `${path} ${message}`).join("; ");
  throw new TroupeError("unknown_state", `${about} of version ${before.version} does not fit version ${definition.version}: ${words}`, {
    about,
    faults,
  });
}

/** Sets an actor aside until there is a definition that fits; undefined where that is stored already. Whatever it waited for before is kept. */
export function parkMisfit(record: ActorRecord, error: TroupeError, at: TurnAt): ActorRecord | undefined {
  const { parked } = record;
  const told: ErrorRecord = toErrorRecord(error);
  if (parked?.reason === error.code && parked.error.message === told.message) return undefined;
  const earlier = isMisfit(parked) ? parked?.earlier : parked;
  return {
    ...record,
    parked: { reason: error.code, error: told, at: at.now, ...(earlier === undefined ? {} : { earlier }) },
    revision: record.revision + 1,
    epoch: at.epoch,
    updatedAt: at.now,
  };
}
