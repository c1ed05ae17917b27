import type { Address } from "../../src/core/address.ts";
import type { Write } from "../../src/ports/store.ts";
import { bytes } from "./fixture.ts";

/** Writes as the suites need them. */
export function record(partition: number, address: Address, body: string): Extract<Write, { kind: "record" }> {
  return { kind: "record", partition, address, bytes: bytes(body) };
}

export function letterTo(
  partition: number,
  lane: "event" | "high" | "normal" | "low",
  to: Address,
  message: string,
): Extract<Write, { kind: "mail" }> {
  return { kind: "mail", partition, lane, to, message, letter: { body: bytes(message) } };
}

/** A timer whose letter says its own message. */
export function timer(partition: number, owner: Address, name: string, dueAt: number, message: string): Extract<Write, { kind: "timer" }> {
  return {
    kind: "timer",
    partition,
    owner,
    timer: name,
    dueAt,
    message,
    letter: { body: bytes(message), headers: { "Troupe-Kind": "timer" } },
  };
}
