import { formatAddress } from "./address.ts";
import type { Subject } from "./collected.ts";
import type { Draft } from "./draft.ts";
import { childAddress, rootOf, type ChildType } from "./family.ts";
import type { ChildRecord, ParentRecord } from "./record.ts";
import type { RefText } from "./ref.ts";
import { placeOf } from "./supervision.ts";

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
  const parent: ParentRecord = {
    ...address,
    child: id,
    generation,
    root: rootOf(address, before),
    ...(watched ? { watches: true } : {}),
    ...(isSupervised ? { supervises: true } : {}),
  };
  const record: ChildRecord = {
    ...to,
    generation,
    src,
    kind: type.kind,
    ...(systemId === undefined ? {} : { systemId }),
    ...(isSupervised ? { first: watched ? { input, watched } : { input } } : {}),
  };
  if (type.isDetached !== true) draft.adopt(id, record);
  const version = type.isShared ? {} : { version: definition.version };
  draft.effect({ kind: "spawn", to, as: type.kind, input, parent, ...version });
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
