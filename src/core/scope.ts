import type { AnyActorScope, ExecutableActionObject } from "xstate";
import type { ActorEvent } from "./envelope.ts";

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
  readonly #self: SelfRef;
  readonly forXState: AnyActorScope;

  constructor(logger: (...words: unknown[]) => void) {
    const system = new InertSystem();
    this.#self = new SelfRef(system);
    this.forXState = {
      self: this.#self,
      id: "",
      sessionId: "",
      logger,
      defer: () => {},
      emit: (event: ActorEvent) => void this.emitted.push(event),
      system,
      stopChild: () => {},
      actionExecutor: (action: ExecutableActionObject) => void this.actions.push(action),
    } as unknown as AnyActorScope;
  }

  /** Empties the scope for a transition of this actor. */
  open(address: string): AnyActorScope {
    this.actions = [];
    this.emitted = [];
    this.selfOf(address);
    return this.forXState;
  }

  /** The actor's own reference, good until the next `open` or `selfOf`. */
  selfOf(address: string): unknown {
    this.#self.id = address;
    this.#self.sessionId = address;
    return this.#self;
  }
}

/** The actor's own reference inside its machine. Sending to oneself goes through actions, never through this. */
class SelfRef {
  id = "";
  sessionId = "";
  readonly system: InertSystem;
  constructor(system: InertSystem) {
    this.system = system;
  }
  send(): void {}
  _send(): void {}
  getSnapshot(): undefined {
    return undefined;
  }
}

/** The parts of XState's actor system that a child's construction touches. Its ids name nothing: children are found by their own. */
class InertSystem {
  readonly _clock = { setTimeout: () => 0, clearTimeout: () => {} };
  readonly scheduler = { schedule: () => {}, cancel: () => {}, cancelAll: () => {} };
  _logger(): void {}
  _bookId(): string {
    return "child";
  }
  _register(): string {
    return "child";
  }
  _unregister(): void {}
  _set(): void {}
  get(): undefined {
    return undefined;
  }
  _relay(): void {}
  _sendInspectionEvent(): void {}
}

/** A child as it stands in a snapshot between turns: its id and nothing alive. Identity tells one spawning from the next. */
export class ChildRef {
  readonly id: string;
  readonly sessionId: string;
  readonly src: string;
  constructor(id: string, src: string) {
    this.id = id;
    this.sessionId = id;
    this.src = src;
  }
  send(): void {}
  _send(): void {}
  getSnapshot(): { readonly status: "active" } {
    return ACTIVE;
  }
  toJSON(): { readonly xstate$$type: 1; readonly id: string } {
    return { xstate$$type: 1, id: this.id };
  }
}

const ACTIVE = { status: "active" } as const;
