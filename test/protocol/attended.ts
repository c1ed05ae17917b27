import { afterAll, beforeAll } from "vitest";
import type { NatsSocket, WireMessage } from "../support/socket.ts";
import { openStand, type Stand } from "./stand.ts";

/** A stand of the importing file's own, there from before its first test until after its last, and a socket on it. */
export let stand: Stand;
export let socket: NatsSocket;

beforeAll(async () => {
  stand = await openStand();
  socket = await stand.socket();
});
afterAll(async () => stand.close());

/** One of the hosts' verbs, asked over the bare socket. */
export const verb = async (name: string, body: unknown = ""): Promise<WireMessage> => socket.request(`troupe.api.${name}`, body);
