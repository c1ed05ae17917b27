import { assign, setup, StateMachine, type AnyActorRef, type AnyEventObject, type AnyStateMachine } from "xstate";

/** What most scenes are made of: a number, and a list of what happened. */
export interface Traced {
  readonly n: number;
  readonly trace: readonly unknown[];
}

export const first: Traced = { n: 0, trace: [] };

export const tracing = {
  types: { context: {} as Traced },
  actions: {
    up: assign<Traced, AnyEventObject, undefined, AnyEventObject, never>({ n: ({ context }) => context.n + 1 }),
    /** The event that is heard. */
    note: assign<Traced, AnyEventObject, undefined, AnyEventObject, never>({
      trace: ({ context, event }) => [...context.trace, event.type],
    }),
    /** What the event brings. */
    keep: assign<Traced, AnyEventObject, undefined, AnyEventObject, never>({
      trace: ({ context, event }) => [...context.trace, broughtBy(event)],
    }),
    enter: assign<Traced, AnyEventObject, string, AnyEventObject, never>({
      trace: ({ context }, name: string) => [...context.trace, name],
    }),
  },
};

export const base = setup(tracing);
export const enter = (name: string) => ({ type: "enter" as const, params: name });

/** What a context is made with, where its machine's types are left out. */
export interface Made {
  readonly spawn: (src: string, options?: object) => AnyActorRef;
  readonly self: AnyActorRef;
  readonly context: Traced;
  readonly event: AnyEventObject;
}

/** A child's word is its output, its error's message or the context of its snapshot. */
function broughtBy(event: {
  readonly type: string;
  readonly words?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
  readonly snapshot?: unknown;
}): unknown {
  const { error, snapshot } = event as { error?: { message?: string }; snapshot?: { value?: unknown; context?: unknown } };
  if (error !== undefined) return error.message ?? error;
  if (snapshot !== undefined) return { value: snapshot.value, context: snapshot.context };
  return event.words ?? event.output ?? event.type;
}

export const events = (...types: readonly string[]): { readonly type: string }[] => types.map((type) => ({ type }));

interface Config {
  readonly type?: string;
  readonly history?: unknown;
  readonly entry?: unknown;
  readonly exit?: unknown;
  readonly states?: Readonly<Record<string, Config>>;
}

/** The same machine, with every entry and exit of a state in its trace. */
export function traced(machine: object): AnyStateMachine {
  const { config, implementations } = machine as AnyStateMachine;
  return new StateMachine(marked(config as Config, ["root"]) as never, implementations as never);
}

function marked(config: Config, path: readonly string[]): Config {
  if (config.type === "history" || config.history !== undefined) return config;
  const mark = (sign: string) =>
    assign<Traced, AnyEventObject, undefined, AnyEventObject, never>({
      trace: ({ context }) => [...context.trace, `${sign}${path.join(".")}`],
    });
  const states = Object.entries(config.states ?? {}).map(([key, state]) => [
    key,
    marked(state, path[0] === "root" ? [key] : [...path, key]),
  ]);
  return {
    ...config,
    entry: [mark("+"), ...[config.entry ?? []].flat()],
    exit: [...[config.exit ?? []].flat(), mark("-")],
    ...(config.states === undefined ? {} : { states: Object.fromEntries(states) as Record<string, Config> }),
  };
}
