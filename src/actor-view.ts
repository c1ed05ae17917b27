import { matchesState, type StateValue } from "xstate";
import type { Address } from "./core/address.ts";
import type { ErrorRecord } from "./core/errors.ts";
import { formatState, type ActorRecord, type Parked } from "./core/record.ts";
import type { SupervisionRecord } from "./core/supervision.ts";
import { addressesOf, dueAtOf, type KeptRecord } from "./task-view.ts";

/** A state of a machine as text, `paying` or `paying.asked`, where the machine's type names its states. */
export type StatePath<TValue> = StateValue extends TValue
  ? string
  : TValue extends string
    ? TValue
    : { [K in keyof TValue & string]: K | `${K}.${StatePath<NonNullable<TValue[K]>>}` }[keyof TValue & string];

/** A value that leaves out what does not matter, as XState's `matches` takes it. */
type PartialValue<TValue> = StateValue extends TValue
  ? StateValue
  : TValue extends string
    ? TValue
    : (keyof TValue & string) | { readonly [K in keyof TValue]?: PartialValue<NonNullable<TValue[K]>> };

/**
 * An actor that is no task, as it is stored after a turn: XState's words, and where it stands among others. JSON-safe if its context
 * and output are; references to actors in them are objects with their address as `troupe$ref`.
 */
export class ActorView<TValue = StateValue, TContext = unknown, TOutput = unknown> {
  readonly type: string;
  readonly id: string;
  readonly kind = "actor";
  readonly status: ActorRecord["status"];
  /** The value as text: `paying.asked`, and `a.b,c.d` of parallel states; empty for transition logic. */
  readonly state: string;
  readonly value: TValue;
  readonly context: TContext;
  readonly output?: TOutput;
  /** Why its status is `error`. */
  readonly error?: ErrorRecord;
  /** Whose child it is. */
  readonly parent?: Address;
  /** By their ids in the machine; without promise, callback and observable logic, which has no address. */
  readonly children?: Readonly<Record<string, Address>>;
  readonly parked?: Parked;
  /** With `supervise`, once a child has failed: restarts within the window, and the newest failure with its answer. */
  readonly supervision?: SupervisionRecord;
  /** When the next timer is due, epoch ms. */
  readonly dueAt?: number;
  /** Of a turn whose record the history did not keep: its bytes. Context, output and children are missing here. */
  readonly tooLarge?: number;
  /** Of the definition that wrote the record. */
  readonly version: string;
  readonly revision: number;
  readonly createdAt: number;
  readonly updatedAt: number;

  constructor({ type, id }: Address, record: KeptRecord) {
    this.type = type;
    this.id = id;
    this.status = record.status;
    this.state = formatState(record.value);
    this.value = record.value as TValue;
    this.context = record.context as TContext;
    if (record.output !== undefined) this.output = record.output as TOutput;
    if (record.error !== undefined) this.error = record.error;
    if (record.parent !== undefined) this.parent = bare(record.parent);
    if (record.children !== undefined) this.children = addressesOf(record.children);
    if (record.parked !== undefined) this.parked = record.parked;
    if (record.supervision !== undefined) this.supervision = record.supervision;
    const dueAt = dueAtOf(record);
    if (dueAt !== undefined) this.dueAt = dueAt;
    if (record.tooLarge !== undefined) this.tooLarge = record.tooLarge;
    this.version = record.version;
    this.revision = record.revision;
    this.createdAt = record.createdAt;
    this.updatedAt = record.updatedAt;
  }

  /** Whether it is in this state, or in one inside it. Not enumerable: it is no part of the JSON. */
  matches(state: StatePath<TValue> | PartialValue<TValue>): boolean {
    return matchesState(state, this.value as StateValue);
  }
}

function bare({ type, id }: Address): Address {
  return { type, id };
}
