import type { AnyMachineSnapshot } from "xstate";
import { absorb, type Actor, type Turn, type TurnAt } from "./actor.ts";
import type { Address } from "./address.ts";
import { isCrowd, transitionOfCrowd } from "./crowd.ts";
import { isSimple, type Definition } from "./definition.ts";
import { NO_EFFECTS, NOTHING } from "./draft.ts";
import type { Envelope } from "./envelope.ts";
import { finish } from "./finish.ts";
import { follow } from "./follow.ts";
import { hear, type Heard } from "./hear.ts";
import { guarded, scopeOf, selfOf, threw } from "./interpret.ts";
import { pass } from "./passing.ts";
import { plainEdge, plainStart } from "./plain.ts";
import type { ActorRecord } from "./record.ts";
import { openScope, snapshotOf } from "./revival.ts";
import { supervise } from "./supervising.ts";

export type { Actor, Turn, TurnAt } from "./actor.ts";
export { revive } from "./revival.ts";

/*
 * A turn is one envelope applied to one actor: `(definition, actor, envelope, at) → (actor', effects)`. Pure: no clock, no chance,
 * no I/O, and the only caller of XState's transition. Nothing it returns has happened until it is committed.
 */

type StartEnvelope = Extract<Envelope, { kind: "start" }>;
type Later = Exclude<Envelope, StartEnvelope>;

/** The first turn of an actor. @throws transition_threw */
export function start(definition: Definition, address: Address, envelope: StartEnvelope, at: TurnAt): Turn {
  if (definition.kind === "actor") return startInterpreted(definition, address, envelope, envelope.input, at);
  const input = { input: envelope.input, delayMs: envelope.delayMs };
  const plain = isSimple(definition) ? plainStart(definition) : undefined;
  if (plain === undefined) return startInterpreted(definition, address, envelope, input, at);
  const context = guarded(address, () => plain.context(input, selfOf(definition, address)));
  return { actor: { record: firstRecord(definition, envelope, at, plain.value, context) }, effects: NO_EFFECTS, kind: "changed" };
}

function startInterpreted(definition: Definition, address: Address, envelope: StartEnvelope, input: unknown, at: TurnAt): Turn {
  const before = { ...firstRecord(definition, envelope, at, {}, undefined), revision: 0 };
  const scope = openScope(definition, address, before);
  const snapshot = firstSnapshot(definition, address, scope, input, before);
  return finish({ definition, address, before }, undefined, snapshot, before as Omit<Heard, "event">, at);
}

/** A child that cannot begin has failed, and its parent hears of it; whoever starts an actor itself is told. @throws transition_threw */
function firstSnapshot(
  definition: Definition,
  address: Address,
  scope: ReturnType<typeof openScope>,
  input: unknown,
  { parent }: ActorRecord,
): AnyMachineSnapshot {
  try {
    const snapshot = definition.machine.getInitialSnapshot(scope, input);
    if (snapshot.status === "error" && parent === undefined) throw snapshot.error;
    return snapshot;
  } catch (error) {
    if (parent === undefined) throw threw(address, error);
    return { status: "error", error, value: {}, context: undefined, children: {} } as unknown as AnyMachineSnapshot;
  }
}

/** Any later turn. Late timers and results of an older generation change nothing. @throws transition_threw */
export function take(definition: Definition, address: Address, actor: Actor, envelope: Later, at: TurnAt): Turn {
  const isParent = definition.kind === "actor" && actor.record.status === "active";
  const supervised = isParent ? supervise(definition, address, actor, envelope, at) : undefined;
  if (supervised === undefined) return listen(definition, address, actor, envelope, at);
  if (supervised.kind === "handled") return supervised.turn;
  const turn = listen(definition, address, supervised.actor, envelope, at);
  return { ...turn, effects: [...supervised.effects, ...turn.effects] };
}

function listen(definition: Definition, address: Address, actor: Actor, envelope: Later, at: TurnAt): Turn {
  const { record } = actor;
  const heard = record.status === "active" ? hear(definition, record, envelope) : undefined;
  if (heard === undefined) {
    const passed = record.status === "active" ? pass(address, actor, envelope, at) : undefined;
    return passed ?? { actor: absorb(actor, at), effects: NO_EFFECTS, kind: "unheard" };
  }
  const edge = isSimple(definition) ? plainEdge(definition, record.value, heard.event.type) : undefined;
  if (edge !== undefined) return follow(edge, definition, address, record, heard, at);
  const snapshot = actor.snapshot ?? snapshotOf(definition, address, record);
  const again = (from: AnyMachineSnapshot): AnyMachineSnapshot =>
    transition(definition, from, heard, openScope(definition, address, record));
  const next = guarded(address, () => (isCrowd(snapshot.children) ? transitionOfCrowd(snapshot, again) : again(snapshot)));
  const isSpent = heard.activities !== record.activities || heard.timers !== record.timers || heard.ended !== record.ended;
  if (next === snapshot && !isSpent && record.parent?.watches !== true && isQuiet(definition))
    return { actor: absorb(actor, at), effects: NO_EFFECTS, kind: "unheard" };
  return finish({ definition, address, before: record }, snapshot, next, heard, at);
}

function transition(
  definition: Definition,
  snapshot: AnyMachineSnapshot,
  { event }: Heard,
  scope: ReturnType<typeof openScope>,
): AnyMachineSnapshot {
  if (event.type === "xstate.stop" && definition.logic === "transition") return stopped(definition, snapshot, event, scope);
  return definition.machine.transition(snapshot, event, scope);
}

/** Transition logic is told of its stop, as XState does; whatever it makes of that, it has ended: nobody is left to hear that it threw. */
function stopped(
  definition: Definition,
  snapshot: AnyMachineSnapshot,
  event: Heard["event"],
  scope: ReturnType<typeof openScope>,
): AnyMachineSnapshot {
  let last = snapshot;
  try {
    last = definition.machine.transition(snapshot, event, scope);
  } catch {
    // Its state is the one before.
  }
  return { ...last, status: "stopped" } as AnyMachineSnapshot;
}

function isQuiet(definition: Definition): boolean {
  const { actions, sent, emitted } = scopeOf(definition);
  return actions.length === 0 && sent.length === 0 && emitted.length === 0;
}

function firstRecord(
  definition: Definition,
  envelope: StartEnvelope,
  at: TurnAt,
  value: ActorRecord["value"],
  context: unknown,
): ActorRecord {
  const first: { -readonly [Field in keyof ActorRecord]: ActorRecord[Field] } = {
    v: 1,
    revision: 1,
    epoch: at.epoch,
    version: definition.version,
    shape: definition.shape,
    status: "active",
    value,
    context,
    activities: NOTHING,
    timers: NOTHING,
    marks: at.mark === undefined ? NOTHING : { [at.mark.source]: at.mark.sequence },
    generation: 0,
    createdAt: at.now,
    updatedAt: at.now,
  };
  if (definition.kind !== "task") first.kind = definition.kind;
  if (envelope.deadlineAt !== undefined) first.deadlineAt = envelope.deadlineAt;
  if (envelope.replyTo !== undefined) first.replyTo = envelope.replyTo;
  if (envelope.parent !== undefined) first.parent = envelope.parent;
  return first;
}
