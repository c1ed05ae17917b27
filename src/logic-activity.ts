import { createActor, type AnyActorLogic, type Snapshot } from "xstate";
import type { Activity, ActivityContext, ActivityLink, CrashPolicy } from "./core/definition.ts";
import { formatAddress } from "./core/address.ts";
import type { ActorEvent } from "./core/envelope.ts";
import { ActorRef, refOfActivity, refOfSystem, replaced, revived, textOf, type Relay } from "./core/ref.ts";

/**
 * XState logic with a start of its own (promise, callback, observable) as an activity: XState's own actor runs it, under a parent that
 * does nothing but pass on what it sends.
 */
export function activityOf(logic: AnyActorLogic, onCrash: CrashPolicy, timeoutMs: number | undefined): Activity {
  return {
    run: (context) => run(logic, context as ActivityContext & ActivityLink),
    input: (_context, invoked) => invoked,
    onCrash,
    timeoutMs,
    heartbeatTimeoutMs: undefined,
    isLasting: !isPromise(logic),
  };
}

/** Asked of its pure part: only promise logic is done once its promise is. Callbacks and observables may last as long as their actor. */
function isPromise(logic: AnyActorLogic): boolean {
  try {
    const settled: Snapshot<unknown> = logic.transition({ status: "active" }, { type: "xstate.promise.resolve", data: 0 }, {} as never);
    return settled.status === "done";
  } catch {
    return false;
  }
}

function run(logic: AnyActorLogic, context: ActivityContext & ActivityLink): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { name, watched, signal } = context;
    const receiver = new Receiver(context);
    const input = revived(context.input, receiver.relay);
    const actor = createActor(logic, { input, id: name, syncSnapshot: watched, parent: receiver } as never);
    receiver.worker = actor;
    actor.subscribe({
      next: ({ status, output }: Snapshot<unknown>) => {
        if (status === "done") resolve(receiver.named(output));
      },
      error: reject,
    });
    signal.addEventListener("abort", () => {
      (actor as unknown as { _stop(): void })._stop();
      reject(signal.reason as Error);
    });
    context.listen((event) => actor.send(revived(event, receiver.relay)));
    actor.start();
  });
}

/** The parent that XState's actor sees. What the logic sends back is an event for the actor whose work it is. */
class Receiver {
  readonly id = "";
  readonly sessionId = "";
  readonly system: object;
  /** What the logic knows as itself. */
  worker: object | undefined;
  /** For references that the logic is given: what it sends by them is the host's to store. */
  readonly relay: Relay = (to, event) => {
    const text = textOf(to);
    if (text !== undefined) this.#link.send(text, this.named(event));
  };
  readonly #link: ActivityContext & ActivityLink;

  constructor(link: ActivityContext & ActivityLink) {
    this.#link = link;
    this.system = {
      _bookId: () => link.name,
      _register: (id: string) => id,
      _unregister: () => {},
      _set: () => {},
      get: (name: string) => new ActorRef(refOfSystem(name), name, this.relay),
      getAll: () => ({}),
      _relay: (_source: unknown, target: { _send(event: ActorEvent): void }, event: ActorEvent) => target._send(event),
      _sendInspectionEvent: () => {},
      _logger: () => {},
      _clock: { setTimeout, clearTimeout },
      scheduler: { schedule: () => {}, cancel: () => {}, cancelAll: () => {} },
    };
  }

  /** What leaves the logic, with names in the place of itself and its parent: those alone can be stored and sent. */
  named<T>(value: T): T {
    const { actor, name } = this.#link;
    return replaced(value, (found) => {
      if (found === this.worker) return new ActorRef(refOfActivity(actor, name), name, this.relay);
      return found === this ? new ActorRef(formatAddress(actor), formatAddress(actor), this.relay) : undefined;
    }) as T;
  }

  send(event: ActorEvent): void {
    this._send(event);
  }

  /** Its end comes as the attempt's; XState would tell it a second time here. */
  _send(event: ActorEvent): void {
    const { name } = this.#link;
    if (event.type === `xstate.done.actor.${name}` || event.type === `xstate.error.actor.${name}`) return;
    const isSeen = event.type === `xstate.snapshot.${name}`;
    this.#link.tell(this.named(isSeen ? { ...event, snapshot: plain(event["snapshot"] as Snapshot<unknown>) } : event));
  }
}

/** Without what is alive in it: the subscription of an observable. */
function plain({ status, output, error, ...rest }: Snapshot<unknown>): object {
  return { status, output, error, context: (rest as { readonly context?: unknown }).context };
}
