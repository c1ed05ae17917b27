import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyActorLogic, AnyStateMachine, InputFrom } from "xstate";
import { isType, MAX_TYPE_BYTES } from "./core/address.ts";
import type { Activity, CrashPolicy, Definition, EventSchemas } from "./core/definition.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { TroupeError, type Fault } from "./core/errors.ts";
import type { ChildType } from "./core/family.ts";
import { clashesOf } from "./core/clashing-ids.ts";
import { faultsOfMachine, namesOfChildren } from "./core/machine-faults.ts";
import { DEFAULT_RETRY, faultsOfRetry, type RetryPolicy } from "./core/retry.ts";
import { forgetting } from "./core/forgetting.ts";
import { shapeOf } from "./core/shape.ts";
import type { Supervision } from "./core/supervision.ts";
import { stubLogic } from "./core/stub.ts";
import { activityOf } from "./logic-activity.ts";
import { castWith, versioned, type VersionOptions } from "./versioning.ts";
import { definitionOf } from "./logic-of.ts";
import { supervisionOf, type SuperviseOptions } from "./supervise.ts";
import type { ActorDefinition, OnlyKnown, SchemasFor } from "./view.ts";

/** What an actor is. Every field but `name` and `machine` has a default. */
export interface ActorOptions<TLogic extends AnyActorLogic, TEvents extends EventSchemas = EventSchemas> extends VersionOptions {
  /** The type in addresses and subjects: letters, digits, _ and -. */
  readonly name: string;
  /** Any XState machine, or `fromTransition` logic. */
  readonly machine: TLogic;
  /** A Standard Schema (zod, valibot, arktype) of the input, checked where a start enters and again where it runs. */
  readonly input?: StandardSchemaV1<unknown, InputFrom<TLogic>>;
  /**
   * Standard Schemas of events from outside, by type: of what they hold beside it. Checked where an event enters and again where it
   * runs, where the machine hears what the schema makes of it. Types that are left out are not checked, nor is what actors send.
   */
  readonly events?: TEvents & SchemasFor<TLogic> & OnlyKnown<TLogic, TEvents>;
  /** Definitions that take the place of logic of these names: children that others may start too, or tasks. */
  readonly children?: Readonly<Record<string, AnyDefinition>>;
  /** For promise, callback and observable logic, by its name in the machine. */
  readonly activities?: Readonly<Record<string, ActivityOptions>>;
  /** Who decides when a child fails. Default: the machine hears of it, as XState has it. */
  readonly supervise?: SuperviseOptions;
  /** When the machine throws: `park` keeps the last good state for somebody to look at, `fail` ends the actor in error. Default: `park`. */
  readonly onThrow?: "park" | "fail";
  /** How long the record of an ended actor is kept. Default: an hour when done, a day otherwise; at least a minute. */
  readonly retention?: { readonly done?: Duration; readonly failed?: Duration };
  /** Keep every turn for time travel. Default: yes. */
  readonly history?: boolean;
}

export interface ActivityOptions {
  /** What becomes of it when its host died. Default: `rerun`. */
  readonly onCrash?: CrashPolicy;
  /** The longest one attempt may take. Default: no limit. */
  readonly timeout?: Duration;
  /** How often and when it is tried again before the machine, or a supervisor, hears that it failed. Default: never; fields left out are a task's. */
  readonly retry?: Partial<RetryPolicy>;
}

/** A definition whatever its types are. */
type AnyDefinition = Omit<Definition, "~types">;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Microsteps of one turn before it is taken for a loop that never ends. */
const MOST_MICROSTEPS = 10_000;

/**
 * A durable actor: an XState machine with an address. Machines and transition logic that it starts become actors of their own, other
 * logic runs as activities.
 * @throws bad_options, bad_machine, each listing every fault
 */
export function defineActor<TLogic extends AnyActorLogic, const TEvents extends EventSchemas = never>(
  options: ActorOptions<TLogic, TEvents>,
): ActorDefinition<TLogic, TEvents> {
  const faults: Fault[] = [];
  const duration = (path: string, value: Duration | undefined, leastMs: number): number | undefined => {
    const ms = value === undefined ? undefined : parseDuration(value);
    if (value !== undefined && (ms === undefined || ms < leastMs))
      faults.push({ path, message: `must be a duration of at least ${leastMs} ms, such as "30s", not ${JSON.stringify(value)}` });
    return ms;
  };
  if (!isType(options.name))
    faults.push({ path: "name", message: `must be letters, digits, _ and -, at most ${MAX_TYPE_BYTES}, not "${options.name}"` });
  if (options.onThrow !== undefined && !["park", "fail"].includes(options.onThrow))
    faults.push({ path: "onThrow", message: `must be park or fail, not "${options.onThrow}"` });
  for (const [type, schema] of Object.entries<unknown>(options.events ?? {})) {
    const path = `events.${type}`;
    if (type.startsWith("xstate.") || type.startsWith("troupe.")) faults.push({ path, message: "is reserved: nobody else may send it" });
    else if (typeof (schema as { "~standard"?: { validate?: unknown } } | null)?.["~standard"]?.validate !== "function")
      faults.push({ path, message: "must be a Standard Schema" });
  }
  const { version, ...ways } = versioned("actor", options.name, options, faults);
  const settings: Settings = {
    version,
    history: options.history ?? true,
    onThrow: options.onThrow ?? "park",
    retention: {
      doneMs: duration("retention.done", options.retention?.done, MINUTE_MS) ?? HOUR_MS,
      failedMs: duration("retention.failed", options.retention?.failed, MINUTE_MS) ?? 24 * HOUR_MS,
    },
    inputSchema: options.input,
    outputSchema: undefined,
    children: options.children ?? {},
    activities: (src, logic) => {
      const { onCrash = "rerun", timeout, retry } = options.activities?.[src] ?? {};
      if (!["rerun", "fail", "park"].includes(onCrash))
        faults.push({ path: `activities.${src}.onCrash`, message: `must be rerun, fail or park, not "${onCrash}"` });
      const policy = retry === undefined ? undefined : { ...DEFAULT_RETRY, ...retry };
      if (policy !== undefined) faults.push(...faultsOfRetry(policy, `activities.${src}.retry`));
      const activity = activityOf(logic, onCrash, duration(`activities.${src}.timeout`, timeout, 1));
      return policy === undefined ? activity : { ...activity, retry: policy };
    },
  };
  const machineFaults: Fault[] = [];
  const definition = defined(options.name, options.machine, settings, machineFaults);
  const supervision = options.supervise === undefined ? undefined : supervisionIn(definition, options.supervise, faults);
  refuse("bad_options", options.name, faults);
  refuse("bad_machine", options.name, machineFaults);
  const { cast = [] } = definition;
  const supervised = supervision === undefined ? {} : { supervision };
  const checked = options.events === undefined ? {} : { eventSchemas: options.events };
  return { ...definition, ...supervised, ...checked, ...ways, cast: castWith(cast, ways.versions ?? []) } as ActorDefinition<
    TLogic,
    TEvents
  >;
}

interface Settings extends Pick<Definition, "version" | "history" | "onThrow" | "retention" | "inputSchema" | "outputSchema"> {
  readonly children: Readonly<Record<string, AnyDefinition>>;
  readonly activities: (src: string, logic: AnyActorLogic) => Activity;
}

function defined(name: string, logic: AnyActorLogic, settings: Settings, faults: Fault[]): Definition {
  const { children: given, activities: activityFor, ...common } = settings;
  if (kindOf(logic) === "work") faults.push({ path: "machine", message: "is promise, callback or observable logic: use defineTask" });
  if (kindOf(logic) !== "machine")
    return {
      ...common,
      kind: "actor",
      logic: "transition",
      name,
      machine: logic as unknown as AnyStateMachine,
      shape: "transition",
      activities: new Map(),
    };
  const machine = logic as AnyStateMachine;
  const inner = machine.implementations.actors as Readonly<Record<string, AnyActorLogic>>;
  const children = new Map<string, ChildType>();
  const activities = new Map<string, Activity>();
  const cast: Definition[] = [];
  for (const [src, definition] of Object.entries({ ...meantIn(inner), ...given }))
    children.set(src, { name: definition.name, isShared: true, kind: definition.kind });
  for (const [src, part] of Object.entries(inner)) {
    if (children.has(src)) continue;
    if (kindOf(part) === "work") activities.set(src, activityFor(src, part));
    else {
      const type = `${name}-${src.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`;
      if (!isType(type))
        faults.push({
          path: `actors.${src}`,
          message: `would have the type "${type}", longer than ${MAX_TYPE_BYTES}: define it and pass it as children.${src}`,
        });
      children.set(src, { name: type, isShared: false, kind: "actor" });
      const { inputSchema: _own, ...shared } = settings;
      const child = defined(type, part, { ...shared, inputSchema: undefined, children: {} }, faults);
      cast.push(child, ...(child.cast ?? []));
    }
  }
  const sources = [...children.keys(), ...activities.keys()];
  faults.push(...faultsOfMachine(machine, new Set(sources)), ...clashesOf(machine));
  const stubbed = forgetting(machine.provide({ actors: Object.fromEntries(sources.map((src) => [src, stubLogic as never])) }));
  const { maxIterations = Infinity } = stubbed.options;
  stubbed.options = { ...stubbed.options, maxIterations: Math.min(maxIterations, MOST_MICROSTEPS) };
  return { ...common, kind: "actor", logic: "machine", name, machine: stubbed, shape: shapeOf(stubbed), activities, children, cast };
}

function supervisionIn({ logic, machine }: Definition, options: SuperviseOptions, faults: Fault[]): Supervision {
  const order = logic === "machine" ? Object.keys(machine.implementations.actors as object) : [];
  if (order.length === 0) faults.push({ path: "supervise", message: "has no children to supervise" });
  const ids = logic === "machine" ? namesOfChildren(machine) : new Set<string>();
  const { supervision, faults: found } = supervisionOf(options, { order, ids, path: "supervise." });
  faults.push(...found);
  return supervision;
}

function meantIn(logics: Readonly<Record<string, AnyActorLogic>>): Readonly<Record<string, AnyDefinition>> {
  return Object.fromEntries(
    Object.entries(logics).flatMap(([src, logic]) => {
      const definition = definitionOf(logic);
      return definition === undefined ? [] : [[src, definition]];
    }),
  );
}

/** Machines and transition logic are actors of their own; whatever has a start works outside the turn. */
function kindOf(logic: AnyActorLogic): "machine" | "transition" | "work" {
  if ("getStateNodeById" in logic) return "machine";
  return "start" in logic && logic.start !== undefined ? "work" : "transition";
}

function refuse(code: "bad_options" | "bad_machine", name: string, faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const words = faults.map(({ path, message }) => `${path} ${message}`).join("; ");
  throw new TroupeError(code, `The actor "${name}" is not well defined: ${words}`, { faults, about: name });
}

/** Every definition that a host of these has: their own, and those of children that nobody else defines. */
export function castOf(definitions: readonly Definition[]): readonly Definition[] {
  return definitions.flatMap((definition) => [definition, ...(definition.cast ?? [])]);
}
