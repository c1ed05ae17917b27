import { fromPromise, type PromiseActorLogic } from "xstate";
import type { Definition } from "./core/definition.ts";
import { TroupeError } from "./core/errors.ts";

/** Logic that only says which definition is meant, and which. */
const meant = new WeakMap<object, Definition>();

/**
 * A definition as logic for `setup({ actors })`, typed by its input and output: a child that others may start too, a task included.
 * `defineActor` puts the definition in its place; in plain XState it rejects, for nobody hosts it there.
 */
export function logicOf<TInput, TOutput>(definition: Definition<TInput, TOutput>): PromiseActorLogic<TOutput, TInput> {
  const { kind, name } = definition;
  const logic = fromPromise<TOutput, TInput>(() =>
    Promise.reject(
      new TroupeError("bad_options", `The ${kind} "${name}" runs on a host: pass the machine that starts it to defineActor`, {
        about: name,
      }),
    ),
  );
  meant.set(logic, definition);
  return logic;
}

/** The definition that such logic means; undefined for any other. */
export function definitionOf(logic: object): Definition | undefined {
  return meant.get(logic);
}
