import { formatAddress, type Address } from "./address.ts";
import type { ActorEvent } from "./envelope.ts";

/**
 * How one actor names another, as text that can be stored and sent:
 *
 * | text             | names                                                                   |
 * |------------------|-------------------------------------------------------------------------|
 * | `order/7`        | the actor with this address                                             |
 * | `order/7 socket` | the activity `socket` of that actor: callback logic hears events too     |
 * | `system:printer` | whoever has this systemId in the sender's tree; looked up at its root    |
 * | `reply:_INBOX.1` | whoever asked from outside and waits on this subject                    |
 *
 * Neither an address nor a type can hold a space or a colon, so no two of them are ever confused.
 */
export type RefText = string;

export type Target =
  | { readonly kind: "actor"; readonly address: Address }
  | { readonly kind: "activity"; readonly address: Address; readonly activity: string }
  | { readonly kind: "system"; readonly name: string }
  | { readonly kind: "asker"; readonly subject: string };

const SYSTEM = "system:";
const REPLY = "reply:";

export function refOfActivity(owner: Address, activity: string): RefText {
  return `${formatAddress(owner)} ${activity}`;
}

export function refOfSystem(name: string): RefText {
  return SYSTEM + name;
}

export function refOfAsker(subject: string): RefText {
  return REPLY + subject;
}

export function targetOf(text: RefText): Target {
  // Without one it names nobody.
  const slash = Math.max(0, text.indexOf("/"));
  if (text.startsWith(REPLY)) return { kind: "asker", subject: text.slice(REPLY.length) };
  if (text.startsWith(SYSTEM)) return { kind: "system", name: text.slice(SYSTEM.length) };
  const space = text.indexOf(" ");
  const address = { type: text.slice(0, slash), id: text.slice(slash + 1, space < 0 ? undefined : space) };
  return space < 0 ? { kind: "actor", address } : { kind: "activity", address, activity: text.slice(space + 1) };
}

/** Where a `send` on a reference goes; given by whoever made it. */
export type Relay = (to: unknown, event: ActorEvent) => void;

/**
 * An actor as it stands in a snapshot, a context or an event: a name and nothing alive. Identity tells one spawning from the next.
 * Its two own fields are what is stored and sent of it; `revived` makes references of them again.
 */
export class ActorRef {
  readonly troupe$ref: RefText;
  /** XState's: a child's id in its parent. */
  readonly id: string;
  readonly #relay: Relay;

  constructor(text: RefText, id: string, relay: Relay) {
    this.troupe$ref = text;
    this.id = id;
    this.#relay = relay;
  }

  get ref(): this {
    return this;
  }
  get sessionId(): string {
    return this.troupe$ref;
  }
  send(event: ActorEvent): void {
    this.#relay(this, event);
  }
  _send(event: ActorEvent): void {
    this.#relay(this, event);
  }
  /** A child's state is its own and lives elsewhere; what it told its parent comes as events. */
  getSnapshot(): { readonly status: "active" } {
    return ACTIVE;
  }
}

const ACTIVE = { status: "active" } as const;

/** The text of anything that stands for an actor; undefined where it stands for none. */
export function textOf(value: unknown): RefText | undefined {
  if (typeof value !== "object" || value === null || !("troupe$ref" in value)) return undefined;
  return typeof value.troupe$ref === "string" ? value.troupe$ref : undefined;
}

type Replace = (found: object) => object | undefined;

/**
 * The same value with some objects in it replaced; parts without any stay the same objects. Looks into lists, plain objects, maps and
 * sets only: that is where references are kept, and what else a context holds is nobody's business. What user code made may hold
 * itself: `within` notes where it has been, and what cannot be stored is left for whoever stores it to say so.
 */
export function replaced(value: unknown, replace: Replace, within?: Set<object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const other = replace(value);
  if (other !== undefined) return other;
  if (within?.has(value) === true) return value;
  within?.add(value);
  const after = replacedParts(value, replace, within);
  within?.delete(value);
  return after;
}

function replacedParts(value: object, replace: Replace, within: Set<object> | undefined): unknown {
  if (Array.isArray(value)) return replacedItems(value, replace, within);
  if (!(value instanceof Map || value instanceof Set)) return replacedFields(value, replace, within);
  const items = [...(value as Iterable<unknown>)];
  const others = replacedItems(items, replace, within);
  if (others === items) return value;
  return value instanceof Map ? new Map(others as [unknown, unknown][]) : new Set(others);
}

function replacedItems(value: readonly unknown[], replace: Replace, within: Set<object> | undefined): readonly unknown[] {
  const items = value.map((item) => replaced(item, replace, within));
  return items.some((item, i) => item !== value[i]) ? items : value;
}

function replacedFields(value: object, replace: Replace, within: Set<object> | undefined): unknown {
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [key, part] of Object.entries(value)) {
    const after = replaced(part, replace, within);
    if (after !== part) (copy ??= { ...value })[key] = after;
  }
  return copy ?? value;
}

/** What was stored or sent, with references made of their names: all of them relay to whoever asked. */
export function revived(value: unknown, relay: Relay): unknown {
  return replaced(value, (found) => {
    const text = textOf(found);
    return text === undefined ? undefined : new ActorRef(text, "id" in found && typeof found.id === "string" ? found.id : text, relay);
  });
}
