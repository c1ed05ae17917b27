import type { AnyActorScope, ExecutableActionObject } from "xstate";
import type { ActorEvent } from "./envelope.ts";
import { ActorRef, refOfSystem, type RefText, type Relay } from "./ref.ts";

/**
 * What XState sees of the world during a transition: it may collect, never act. Five times faster than the scope that XState's
 * exported `transition()` makes, and without its hazards (research: a fresh initial evaluation per event, a global id counter,
 * `self` where `system.get` knows nothing). Source: XState 5.33 `ActorScope`, internal to the library but passed through its public
 * logic methods; test/core/xstate-contract.test.ts pins what is relied on.
 *
 * Owns: what one transition collected, until the next `open`. One scope serves one definition; turns never overlap.
 */
export class Scope {
  actions: ExecutableActionObject[] = [];
  emitted: ActorEvent[] = [];
  /** The transitions that were taken, microstep by microstep. */
  readonly steps: Microsteps = [];
  /** What user code sent by calling `send` on a reference while the transition was made. */
  sent: { readonly to: unknown; readonly event: ActorEvent }[] = [];
  /** For references: what is sent on one joins the turn that is being made. */
  readonly relay: Relay = (to, event) => this.#relay(to, event);
  readonly forXState: AnyActorScope;
  readonly #system: InertSystem;
  #self: SelfRef;
  #parent: RefText | undefined;
  #outside: Relay | undefined;

  constructor(logger: (...words: unknown[]) => void) {
    this.#system = new InertSystem(this.relay, this.steps);
    this.#self = new SelfRef(this.#system, this.relay, undefined);
    this.forXState = {
      self: this.#self,
      id: "",
      sessionId: "",
      logger,
      defer: () => {},
      emit: (event: ActorEvent) => void this.emitted.push(event),
      system: this.#system,
      stopChild: () => {},
      actionExecutor: (action: ExecutableActionObject) => void this.actions.push(action),
    } as unknown as AnyActorScope;
  }

  /** Empties the scope for a transition of this actor. */
  open(address: string): AnyActorScope {
    this.#empty();
    this.selfOf(address);
    return this.forXState;
  }

  /** The same for an actor whose machine may keep and pass on a reference to itself, and send to its parent. */
  openFor(address: RefText, parent: RefText | undefined): AnyActorScope {
    this.#empty();
    const scope = this.forXState as unknown as { self: SelfRef; id: string; sessionId: string };
    // The same actor as last time, most often: its reference never changes.
    if (scope.id === address && this.#parent === parent) return this.forXState;
    this.#parent = parent;
    const self = new SelfRef(this.#system, this.relay, parent === undefined ? undefined : new ActorRef(parent, "#_parent", this.relay));
    self.name(address);
    scope.self = self;
    scope.id = address;
    scope.sessionId = address;
    return this.forXState;
  }

  /** The actor's own reference, good until the next `open` or `selfOf`. */
  selfOf(address: string): unknown {
    this.#self.name(address);
    return this.#self;
  }

  /** Runs user code between turns; what it sends goes to `relay` at once. */
  outside<T>(relay: Relay, work: () => T): T {
    this.#outside = relay;
    try {
      return work();
    } finally {
      this.#outside = undefined;
    }
  }

  #relay(to: unknown, event: ActorEvent): void {
    if (this.#outside === undefined) this.sent.push({ to, event });
    else this.#outside(to, event);
  }

  #empty(): void {
    if (this.actions.length > 0) this.actions = [];
    if (this.emitted.length > 0) this.emitted = [];
    if (this.sent.length > 0) this.sent = [];
    this.steps.length = 0;
  }
}

/** XState's transitions, as far as they are read: pinned by test/core/xstate-contract.test.ts. */
export type Microsteps = (readonly {
  readonly eventType: string;
  readonly source: { readonly id: string };
  readonly target: readonly { readonly id: string }[] | undefined;
}[])[];

/** The actor's own reference inside its machine: what is stored of it is its name. */
class SelfRef {
  troupe$ref = "";
  id = "";
  readonly #system: InertSystem;
  readonly #relay: Relay;
  readonly #parent: ActorRef | undefined;
  constructor(system: InertSystem, relay: Relay, parent: ActorRef | undefined) {
    this.#system = system;
    this.#relay = relay;
    this.#parent = parent;
  }
  name(address: string): void {
    this.troupe$ref = address;
    this.id = address;
  }
  get ref(): this {
    return this;
  }
  get sessionId(): string {
    return this.troupe$ref;
  }
  get system(): InertSystem {
    return this.#system;
  }
  get _parent(): ActorRef | undefined {
    return this.#parent;
  }
  send(event: ActorEvent): void {
    this.#relay(this, event);
  }
  _send(event: ActorEvent): void {
    this.#relay(this, event);
  }
  getSnapshot(): undefined {
    return undefined;
  }
}

/**
 * The parts of XState's actor system that a child's construction touches. Its session ids name nothing: children are found by their
 * own. Names of actors are looked up where the event arrives, so `get` always answers.
 */
class InertSystem {
  readonly _clock = { setTimeout: () => 0, clearTimeout: () => {} };
  readonly scheduler = { schedule: () => {}, cancel: () => {}, cancelAll: () => {} };
  readonly #relay: Relay;
  readonly #steps: Microsteps;
  constructor(relay: Relay, steps: Microsteps) {
    this.#relay = relay;
    this.#steps = steps;
  }
  _logger(): void {}
  _bookId(): string {
    return UNNAMED;
  }
  _register(): string {
    return UNNAMED;
  }
  _unregister(): void {}
  _set(): void {}
  get(name: string): ActorRef {
    return new ActorRef(refOfSystem(name), name, this.#relay);
  }
  getAll(): Record<string, never> {
    return {};
  }
  _relay(_source: unknown, to: unknown, event: ActorEvent): void {
    this.#relay(to, event);
  }
  _sendInspectionEvent({ _transitions }: { readonly _transitions?: Microsteps[number] }): void {
    if (_transitions !== undefined && _transitions.length > 0) this.#steps.push(_transitions);
  }
}

/** The id of a child that was spawned without one. */
export const UNNAMED = "(unnamed)";
