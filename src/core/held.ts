import { formatAddress, type Address } from "./address.ts";
import { encodeRecord } from "./codec.ts";
import { WAKE, type Draft } from "./draft.ts";
import type { ActorEvent } from "./envelope.ts";
import type { ActorRecord, ChildRecord } from "./record.ts";
import { targetOf, type RefText } from "./ref.ts";

/** Of one child, together. What comes after that is not kept. */
const MOST_HELD_BYTES = 64 * 1024;

/**
 * What an actor sends its child while the restart of that waits: kept with the child in its parent's record, in order, and sent in the
 * commit that begins the next one. Where the child is not begun any more it is sent to the one that has ended, and so becomes the
 * dead letter that it would have been.
 */
export function heldFor(
  record: Pick<ActorRecord, "parent" | "names">,
  { timers, children = {} }: Pick<ActorRecord, "timers" | "children"> | Pick<Draft, "timers" | "children">,
  to: RefText,
  event: ActorEvent,
): { readonly id: string; readonly child: ChildRecord } | undefined {
  // Without it nobody waits, and nobody has to be looked for.
  if (timers[WAKE] === undefined) return undefined;
  const text = knownAs(record, to);
  const waiting = Object.entries(children).find(([, child]) => child.dueAt !== undefined && formatAddress(child) === text);
  if (waiting === undefined) return undefined;
  const [id, child] = waiting;
  const held = [...(child.held ?? []), event];
  return encodeRecord(held).length > MOST_HELD_BYTES ? undefined : { id, child: { ...child, held } };
}

/** The root of a tree knows who has a systemId. */
function knownAs({ parent, names }: Pick<ActorRecord, "parent" | "names">, to: RefText): RefText {
  const target = targetOf(to);
  return target.kind === "system" && parent === undefined ? (names?.[target.name] ?? to) : to;
}

/** To the next one, or to the one that it was kept for. */
export function release(draft: Draft, held: readonly ActorEvent[] | undefined, to: Address): void {
  for (const event of held ?? []) draft.effect({ kind: "send", to: formatAddress(to), event });
}
