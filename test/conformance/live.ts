import { isDeepStrictEqual } from "node:util";
import { createActor, SimulatedClock, type AnyActorRef, type InspectionEvent } from "xstate";
import { listOf, nothingTold, storyOf, type Scene, type Story } from "./story.ts";

interface Shown {
  readonly status: string;
  readonly value?: unknown;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly children?: Readonly<Record<string, AnyActorRef | undefined>>;
}

interface Microstep {
  readonly _transitions: readonly unknown[];
  readonly snapshot: Shown;
  readonly event: { readonly type: string };
}

interface Emitter {
  on(type: string, heard: (event: unknown) => void): void;
}

/** A scene played by XState itself. */
export async function playLive(scene: Scene): Promise<Story> {
  const clock = new SimulatedClock();
  const told = nothingTold();
  const paths = new Map<AnyActorRef, string>();
  const active = new Set<AnyActorRef>();
  const last = new Map<AnyActorRef, { readonly type: string }>();
  const current = new Map<AnyActorRef, { readonly type: string }>();
  const pending = new Map<AnyActorRef, { type: string }[]>();
  const logic = scene.machine((words) => void told.acted.push(words));
  const pathOf = (ref: AnyActorRef): string => {
    const { _parent: parent, id } = ref as AnyActorRef & { _parent?: AnyActorRef };
    return parent === undefined ? "root" : `${pathOf(parent)}/${id}`;
  };
  // Before the actor: its first transitions are taken while it is made.
  const hear = (ref: AnyActorRef, event: { type: string }): void => {
    const place = pending.get(ref)?.indexOf(event) ?? -1;
    if (place < 0 || event.type === "xstate.init" || event.type === "xstate.stop") return;
    pending.get(ref)?.splice(place, 1);
    last.set(ref, event);
    listOf(told.heard, pathOf(ref)).push(event.type);
  };
  const listen = (ref: AnyActorRef): void =>
    void (ref as unknown as Emitter).on("*", (event) => void listOf(told.emitted, pathOf(ref)).push(plain(event)));
  const actor = createActor(logic, {
    clock,
    logger: () => {},
    ...("input" in scene ? { input: scene.input } : {}),
    inspect: (inspected: InspectionEvent) => {
      const ref = inspected.actorRef as AnyActorRef;
      if (inspected.type === "@xstate.actor") {
        paths.set(ref, "");
        listen(ref);
      }
      if (inspected.type === "@xstate.event") {
        // The same object as often as it was sent.
        listOf(pending, ref).push(inspected.event);
        if (!isMachine(ref) && isTransition(ref)) {
          current.set(ref, inspected.event);
          hear(ref, inspected.event);
        }
      }
      if (inspected.type === "@xstate.action") {
        const { type, params } = inspected.action;
        if (!isRaised(inspected.action)) active.add(ref);
        if (type === "xstate.log") listOf(told.logged, pathOf(ref)).push(plain(params));
      }
      if (inspected.type === "@xstate.snapshot") {
        active.delete(ref);
        current.delete(ref);
      }
      // While an actor is made nothing is pending, and it has no snapshot yet.
      if (inspected.type === "@xstate.microstep" && pending.has(ref)) {
        const { _transitions: transitions, snapshot, event } = inspected as unknown as Microstep;
        // A transition that leads nowhere and does nothing is none that anybody could tell.
        const shows = active.delete(ref) || !isDeepStrictEqual(shown(ref.getSnapshot()), shown(snapshot));
        // What is raised belongs to the event that came from outside.
        if (pending.get(ref)?.includes(event) === true) current.set(ref, event);
        if ((transitions.length > 0 && shows) || snapshot.status !== "active") hear(ref, current.get(ref) ?? event);
      }
    },
  } as never);
  actor.subscribe({ error: () => {} });
  const states: unknown[] = [];
  const note = (): void => {
    const state: Record<string, unknown> = {};
    collect(actor, "root", state);
    states.push(state);
  };
  actor.start();
  await quiet();
  if (scene.isSlow !== true) note();
  for (const step of scene.steps) {
    if (typeof step === "number") pass(step);
    else if (actor.getSnapshot().status === "active") actor.send(step);
    clock.increment(0);
    await quiet();
    if (scene.isSlow !== true || typeof step === "number") note();
  }
  forgetThrown();
  actor.stop();
  return storyOf(states, told);

  /** At what a machine threw, nothing of it stays: it has not heard it. XState shows no snapshot of that. */
  function forgetThrown(): void {
    for (const [ref, event] of current) {
      if (ref.getSnapshot().status !== "error" || last.get(ref) !== event) continue;
      const heard = listOf(told.heard, pathOf(ref));
      heard.splice(heard.lastIndexOf(event.type), 1);
      if (heard.length === 0) told.heard.delete(pathOf(ref));
    }
  }

  /** In small parts: what a timer starts begins when the timer fires. */
  function pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) clock.increment(Math.min(100, left));
  }

  function collect(ref: AnyActorRef, path: string, into: Record<string, unknown>): void {
    const snapshot = ref.getSnapshot() as Shown;
    if (isMachine(ref) || isTransition(ref))
      into[path] = {
        status: snapshot.status,
        ...(snapshot.value === undefined ? {} : { value: snapshot.value }),
        context: plain(snapshot.context),
        ...(snapshot.output === undefined ? {} : { output: plain(snapshot.output) }),
      };
    for (const [id, child] of Object.entries(snapshot.children ?? {}))
      if (child !== undefined && snapshot.status === "active") collect(child, `${path}/${id}`, into);
  }

  function shown(snapshot: Shown | undefined): unknown {
    if (snapshot === undefined) return undefined;
    const { status, value, context, children = {} } = snapshot;
    return [status, value, plain(context), Object.values(children).map((child) => child?.sessionId)];
  }

  function plain(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (paths.has(value as AnyActorRef)) return `ref ${pathOf(value as AnyActorRef)}`;
    if (value instanceof Error) return value.message;
    if (Array.isArray(value)) return value.map(plain);
    return Object.fromEntries(Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [[key, plain(part)]])));
  }
}

function isMachine(ref: AnyActorRef): boolean {
  return "getStateNodeById" in (ref as unknown as { logic: object }).logic;
}

function isTransition(ref: AnyActorRef): boolean {
  return (ref as unknown as { logic: { start?: unknown } }).logic.start === undefined;
}

function isRaised({ type, params }: { readonly type: string; readonly params: unknown }): boolean {
  return type === "xstate.raise" && (params as { readonly delay?: number }).delay === undefined;
}

/** Promises settle. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
