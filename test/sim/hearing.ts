import { assign, sendTo, setup, type AnyActorRef, type AnyStateMachine } from "xstate";

/** What the machines of a simulated run are made of. What they hear is kept in `heard`, as the checker wants it (history.ts). */

export interface Told {
  readonly type: string;
  /** What it is called in `heard`. */
  readonly name: string;
  readonly replyTo?: AnyActorRef;
  readonly ms?: number;
  readonly bytes?: number;
  readonly child?: string;
  readonly failures?: number;
  /** A diary that passes something on: to whom, and what it is called there. */
  readonly to?: string;
  readonly from?: string;
  readonly output?: unknown;
}
export interface Heard {
  readonly heard: readonly string[];
}
export interface Info<Context> {
  readonly context: Context;
  readonly event: Told;
}

/** What these machines say of their types would be longer than they are. */
export const machineOf = (parts: object, config: object): AnyStateMachine =>
  setup(parts as never).createMachine(config as never) as unknown as AnyStateMachine;
export const change = <Context>(how: (info: Info<Context>) => Partial<Context>) => assign((info: Info<Context>) => how(info));
export const hear = <Context extends Heard = Heard>(name: (info: Info<Context>) => string) =>
  change<Context>((info) => ({ heard: [...info.context.heard, name(info)] }) as unknown as Partial<Context>);
export const note = hear(({ event }) => event.name);
export const tell = (child: string, type: string) => sendTo(child, { type });
