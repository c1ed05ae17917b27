import { formatAddress, type Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import { TroupeError } from "./errors.ts";
import { Scope } from "./scope.ts";

/** One scope per definition: turns never overlap. */
export function scopeOf(definition: Definition): Scope {
  let scope = scopes.get(definition);
  if (scope === undefined) scopes.set(definition, (scope = new Scope(() => {})));
  return scope;
}

const scopes = new WeakMap<Definition, Scope>();

export function selfOf(definition: Definition, address: Address): unknown {
  return scopeOf(definition).selfOf(formatAddress(address));
}

/** A step of user code. @throws transition_threw for whatever it throws */
export function guarded<T>(address: Address, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw threw(address, cause);
  }
}

export function threw(address: Address, cause: unknown): TroupeError {
  const about = formatAddress(address);
  return new TroupeError("transition_threw", `The machine of ${about} threw: ${cause instanceof Error ? cause.message : String(cause)}`, {
    about,
    cause,
  });
}
