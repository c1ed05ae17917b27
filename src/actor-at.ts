import type { AnyActorRef } from "xstate";
import { formatAddress, parseAddress } from "./core/address.ts";
import { ActorRef } from "./core/ref.ts";
import { TroupeError } from "./core/errors.ts";

/**
 * A reference to any actor by its address, for machines: `sendTo(() => actorAt("stock/7"), { type: "reserve" })`. It may be kept in a
 * context and sent in events. What is sent to an actor that there is not becomes a dead letter. @throws bad_address
 */
export function actorAt(address: string): AnyActorRef {
  const about = formatAddress(parseAddress(address));
  return new ActorRef(about, about, () => {
    throw new TroupeError("bad_request", `Outside of a machine ${about} is reached by a client: client.ref(…).send(event)`, { about });
  }) as unknown as AnyActorRef;
}
