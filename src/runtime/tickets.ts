import type { Effect } from "../core/effect.ts";
import type { Activation, Pending } from "./activation.ts";
import { encodeWait } from "./gate-talk.ts";
import { addWrite, removeWrite } from "./pending.ts";

/** A task's place in its type's line, or its permit, in the commit of the turn that takes it or gives it back. */
export function writeTicket(
  { address, session }: Activation,
  pending: Pending,
  effect: Extract<Effect, { kind: "queue" | "unqueue" }>,
): void {
  const { ticket } = effect;
  const place = `${ticket.stand} ${ticket.name}`;
  if (effect.kind === "queue") {
    // A permit is the gate's to write.
    const { partition } = pending.permit?.session ?? session;
    addWrite(pending, place, { kind: "ticket", partition, address, ticket, bytes: encodeWait(effect) });
  } else if (pending.writes?.get(place)?.kind === "ticket") {
    // It was never stored, and need not be.
    removeWrite(pending, place);
    if (ticket.stand !== "permit") return;
    pending.permit?.back();
    pending.permit = undefined;
  } else addWrite(pending, place, { kind: "cancelTicket", partition: session.partition, address, ticket });
}
