import type { AnyMachineSnapshot } from "xstate";
import { formatAddress, type Address } from "./address.ts";
import { begin, bookName } from "./birth.ts";
import type { Definition } from "./definition.ts";
import type { Draft } from "./draft.ts";
import type { ActorEvent } from "./envelope.ts";
import { progressEvent } from "./family.ts";
import { placeOfAction } from "./action-places.ts";
import { heldFor, release } from "./held.ts";
import { sendEffects } from "./passing.ts";
import type { ActorRecord } from "./record.ts";
import { ActorRef, refOfActivity, replaced, textOf, type RefText } from "./ref.ts";
import { UNNAMED, type Scope } from "./scope.ts";

/** The parts of XState's action objects that are read; never a built-in's `exec`. Pinned by test/core/xstate-family-contract.test.ts. */
export interface CollectedAction {
  readonly type: string;
  readonly params: {
    readonly event?: ActorEvent;
    readonly id?: string;
    readonly delay?: number;
    readonly sendId?: string;
    readonly label?: string;
    readonly value?: unknown;
    readonly to?: unknown;
  };
  readonly info?: { readonly context: unknown; readonly event: ActorEvent };
  readonly exec?: (info: object, params: unknown) => unknown;
}

/** The parts of a child in XState's snapshot that are read: its own `Actor` when it is new, our reference later. */
interface Child {
  readonly id?: unknown;
  readonly src?: unknown;
  readonly systemId?: string;
  readonly _syncSnapshot?: boolean;
  readonly options?: { readonly input?: unknown };
}
export type Children = Readonly<Record<string, Child | undefined>>;

export interface Subject {
  readonly definition: Definition;
  readonly address: Address;
  readonly before: ActorRecord;
}

/**
 * What one interpreted transition asks for, written into a draft: children by the identity of what the snapshot holds, everything
 * else from the actions that XState collected. Effects come in an order in which each can be carried out: children first, then what
 * is sent, those that are stopped last.
 */
export class Collected {
  readonly draft: Draft;
  readonly #subject: Subject;
  /** What XState made in this transition → the references that take its place. */
  #refs: Map<object, ActorRef> | undefined;
  readonly #scope: Scope;
  /** Work that is stopped: its last words are said. */
  #leaving: Set<RefText> | undefined;
  #acts = 0;

  constructor(subject: Subject, draft: Draft, scope: Scope) {
    this.#subject = subject;
    this.draft = draft;
    this.#scope = scope;
  }

  /** The same id with another object was stopped and started again. @throws for a child that could not be found again */
  spawned(before: Children, next: AnyMachineSnapshot): void {
    for (const [id, child] of Object.entries(next.children as Children)) {
      if (child === undefined || child === before[id]) continue;
      if (id !== child.id || id === UNNAMED) throw new Error("A child needs an id: spawnChild(src, { id })");
      if (typeof child.src !== "string") throw new Error(`The logic of child "${id}" is inline: register it in setup({ actors })`);
      if (before[id] !== undefined) this.#end(id);
      const ref = this.#begin(id, child.src, child);
      // A plan knows its children by their keys; it keeps a reference to none but its pages.
      if (this.#subject.definition.kind !== "task" || this.#subject.definition.children?.get(child.src)?.isDetached === true)
        (this.#refs ??= new Map()).set(child, ref);
      (next.children as Record<string, unknown>)[id] = ref;
    }
  }

  /** What a state invokes that was not entered by a transition. */
  invoked(id: string, src: string, { input, systemId, onSnapshot }: { input: unknown; systemId?: string; onSnapshot?: unknown }): void {
    this.#begin(id, src, {
      options: { input },
      _syncSnapshot: onSnapshot !== undefined,
      ...(systemId === undefined ? {} : { systemId }),
    });
  }

  /**
   * What is sent to work that this transition stops, ahead of its end: as in XState it hears the word, and another that takes its name
   * in the same step does not.
   */
  lastWords(before: Children, after: Children): void {
    const { address, before: record } = this.#subject;
    for (const [id, { generation }] of Object.entries(record.activities)) {
      if (before[id] === undefined || before[id] === after[id]) continue;
      const text = refOfActivity(address, id);
      (this.#leaving ??= new Set()).add(text);
      for (const { type, params } of this.#scope.actions as unknown as readonly CollectedAction[])
        if (type === "xstate.sendTo" && params.delay === undefined && params.event !== undefined && textOf(params.to) === text)
          this.draft.effect({ kind: "hand", activity: id, event: params.event, generation });
    }
  }

  stopped(before: Children, after: Children): void {
    for (const id of Object.keys(before)) if (after[id] === undefined) this.#end(id);
  }

  /** References instead of what XState made. The same value where there is none. */
  stored<T>(value: T): T {
    const refs = this.#refs;
    return refs === undefined ? value : (replaced(value, (found) => refs.get(found), new Set()) as T);
  }

  action({ type, params, info, exec }: CollectedAction): void {
    const { draft } = this;
    if (type === "xstate.raise") {
      if (params.delay !== undefined && params.event !== undefined) draft.arm(params.id, this.stored(params.event), params.delay);
    } else if (type === "xstate.sendTo") this.send(params.to, params.event as ActorEvent, params.id, params.delay);
    else if (type === "xstate.cancel") {
      if (params.sendId !== undefined) draft.disarm(params.sendId);
    } else if (type === "xstate.emit") draft.effect({ kind: "emit", event: this.stored(params.event as ActorEvent) });
    else if (type === "xstate.log") draft.effect({ kind: "log", label: params.label, value: params.value });
    else if (type === "troupe.progress") this.#tellProgress(params);
    else if (type === "troupe.acknowledge") draft.effect({ kind: "acknowledge" });
    else if (!type.startsWith("xstate.") && exec !== undefined && info !== undefined) this.#owe(type, params, info, exec);
  }

  /** Whoever was stopped in the same transition hears nothing any more. */
  send(to: unknown, event: ActorEvent, id?: string, delayMs?: number): void {
    const text = this.#textOf(to);
    if (text === undefined) return;
    // A last word has been said already; what is of this transition's own making is not meant by it.
    if (delayMs === undefined && this.#leaving?.has(text) === true && textOf(to) === text) return;
    const { address, before } = this.#subject;
    const said = this.stored(event);
    const held = delayMs === undefined ? heldFor(before, this.draft, text, said) : undefined;
    if (held !== undefined) this.draft.adopt(held.id, held.child);
    else if (delayMs !== undefined) this.draft.arm(id, said, delayMs, text);
    else for (const effect of sendEffects(address, before, text, said)) this.draft.effect(effect);
  }

  /** A plan's, for whoever listens and for the plan that it is a child of. */
  #tellProgress(progress: object): void {
    const { parent } = this.#subject.before;
    this.draft.effect({ kind: "emit", event: { ...progress, type: "progress" } });
    if (parent?.counts === true) this.draft.effect({ kind: "report", to: parent, event: progressEvent(parent.child, progress) });
  }

  #textOf(to: unknown): RefText | undefined {
    const known = typeof to === "object" && to !== null ? this.#refs?.get(to) : undefined;
    return known?.troupe$ref ?? textOf(to);
  }

  #owe(
    type: string,
    params: unknown,
    info: { readonly context: unknown; readonly event: ActorEvent },
    exec: CollectedAction["exec"],
  ): void {
    const { definition, address, before } = this.#subject;
    if (exec === undefined) return;
    const owed = {
      // With the time of its creation: the next actor of this id must not be taken for this one.
      key: `${formatAddress(address)}:${before.createdAt.toString(36)}:${before.revision + 1}:${this.#acts++}`,
      action: placeOfAction(definition.machine, type, exec),
      ...(params === undefined ? {} : { params: this.stored(params) }),
      event: this.stored(info.event),
      context: this.stored(info.context),
    };
    this.draft.effect({ kind: "act", owed, exec });
  }

  #begin(id: string, src: string, child: Child): ActorRef {
    const { definition, address } = this.#subject;
    const { draft } = this;
    const type = definition.children?.get(src);
    if (type === undefined) {
      draft.run(id, src, this.stored(child.options?.input), child._syncSnapshot);
      const text = refOfActivity(address, id);
      if (child.systemId !== undefined) bookName(this.#subject, draft, child.systemId, text);
      return new ActorRef(text, id, this.#scope.relay);
    }
    const named = child.systemId === undefined ? {} : { systemId: child.systemId };
    const input = this.stored(child.options?.input);
    const text = begin(this.#subject, draft, { id, src, type, input, watched: child._syncSnapshot === true, ...named });
    return new ActorRef(text, id, this.#scope.relay);
  }

  #end(id: string): void {
    const { draft } = this;
    draft.halt(id);
    const child = draft.children?.[id];
    if (child === undefined) return;
    const hasEnded = draft.hasEnded(child);
    draft.lose(id);
    if (!hasEnded) draft.effect({ kind: "stop", to: { type: child.type, id: child.id }, by: this.#subject.address });
    release(draft, child.held, child);
    if (child.systemId !== undefined) bookName(this.#subject, draft, child.systemId, undefined, formatAddress(child));
  }
}
