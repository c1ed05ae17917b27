import { formatAddress } from "./address.ts";
import type { Subject } from "./collected.ts";
import type { Draft } from "./draft.ts";
import { childAddress, rootOf, type ChildType } from "./family.ts";
import type { ChildRecord, ParentRecord } from "./record.ts";
import type { RefText } from "./ref.ts";
import { placeOf } from "./supervision.ts";

/** What is being put together. */
type Written<T> = { -readonly [Key in keyof T]: T[Key] };

/** What a parent says of a child that is to begin. */
export interface Birth {
  readonly id: string;
  readonly src: string;
  readonly type: ChildType;
  readonly input: unknown;
  /** The machine hears of its states. */
  readonly watched: boolean;
  readonly systemId?: string;
}

/** A child of the next generation, asked for and noted: what a supervised one needs to begin once more is kept with it. */
export function begin({ definition, address, before }: Subject, draft: Draft, { id, src, type, input, watched, systemId }: Birth): RefText {
  const generation = ++draft.generation;
  const to = childAddress(address, id, generation, type);
  const isSupervised = definition.supervision !== undefined && placeOf(definition.supervision.members, { id, src }) >= 0;
  // Field by field: a plan of a thousand children comes by here a thousand times.
  const parent: Written<ParentRecord> = {
    type: address.type,
    id: address.id,
    child: id,
    generation,
    since: before.createdAt,
    root: rootOf(address, before),
  };
  if (watched) parent.watches = true;
  if (isSupervised) parent.supervises = true;
  if (definition.kind === "task") parent.counts = true;
  const record: Written<ChildRecord> = { type: to.type, id: to.id, generation, src, kind: type.kind };
  if (systemId !== undefined) record.systemId = systemId;
  if (isSupervised) record.first = watched ? { input, watched } : { input };
  if (type.isDetached !== true) draft.adopt(id, record);
  const spawn = { kind: "spawn", to, as: type.kind, input, parent } as const;
  draft.effect(type.isShared ? spawn : { ...spawn, version: definition.version });
  const text = formatAddress(to);
  if (systemId !== undefined) bookName({ address, before }, draft, systemId, text);
  return text;
}

/** A systemId is taken, or given back by whoever `was` it. */
export function bookName(
  { address, before }: Pick<Subject, "address" | "before">,
  draft: Draft,
  name: string,
  ref: RefText | undefined,
  was?: RefText,
): void {
  draft.effect({ kind: "name", root: rootOf(address, before), name, ref, ...(was === undefined ? {} : { was }) });
}
