import type { Write } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import type { Session } from "./session.ts";

/** What is stored together or not at all: one actor's pending turns, or writes without an actor. */
export type Parcel =
  | { readonly kind: "actor"; readonly activation: Activation }
  | { readonly kind: "loose"; readonly session: Session; readonly writes: readonly Write[]; readonly committed: () => void };

export function sessionOf(parcel: Parcel): Session {
  return parcel.kind === "actor" ? parcel.activation.session : parcel.session;
}
