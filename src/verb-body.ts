import type { StartRequest } from "./start-request.ts";
import { isLane } from "./core/address.ts";
import { decodeBody } from "./core/codec.ts";
import { checkEvent, type ActorEvent } from "./core/envelope.ts";
import { TroupeError, type Fault } from "./core/errors.ts";

/** What a request on `troupe.api.*` says, field by field. */
export type Fields = Readonly<Record<string, unknown>>;

/** A verb's body: an empty one is an empty object. @throws bad_payload, bad_request */
export function fieldsOf(body: Uint8Array): Fields {
  return asFields(decodeBody(body, "") ?? {}, "The body");
}

/** @throws bad_request */
export function asFields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TroupeError("bad_request", `${what} must be a JSON object`);
  return value as Fields;
}

/** @throws bad_request */
export function countOf(fields: Fields, name: string, most: number): number {
  const { [name]: value = most } = fields;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  const message = `must be a whole number from 0 to ${most}`;
  throw new TroupeError("bad_request", `"${name}" ${message}`, { faults: [{ path: name, message }] });
}

export function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw new TroupeError("bad_request", `"${name}" must be text`, { faults: [{ path: name, message: "must be text" }] });
}

/** Every fault of a request at once. @throws bad_request, unknown_type, unknown_lane */
export function startRequest(fields: Fields): StartRequest {
  const faults: Fault[] = [];
  const { id, priority, delayMs, deadline, input } = fields;
  if (id !== undefined && typeof id !== "string") faults.push({ path: "id", message: "must be text" });
  if (delayMs !== undefined && typeof delayMs !== "number") faults.push({ path: "delayMs", message: "must be a number of milliseconds" });
  if (deadline !== undefined && typeof deadline !== "string" && typeof deadline !== "number")
    faults.push({ path: "deadline", message: "must be RFC 3339 or epoch milliseconds" });
  if (faults.length > 0)
    throw new TroupeError("bad_request", `The request is not well formed: ${faults.map((f) => `${f.path} ${f.message}`).join("; ")}`, {
      faults,
    });
  if (priority !== undefined && (typeof priority !== "string" || !isLane(priority) || priority === "event")) {
    throw new TroupeError("unknown_lane", `${JSON.stringify(priority)} is no priority: use high, normal or low`);
  }
  return {
    ...(id === undefined ? {} : { id: id as string }),
    ...(input === undefined ? {} : { input }),
    ...(priority === undefined ? {} : { priority }),
    ...(delayMs === undefined ? {} : { delay: delayMs as number }),
    ...(deadline === undefined ? {} : { deadline: deadline as string | number }),
  };
}

/** An event from the body's `event`. @throws bad_request, bad_payload, reserved_event */
export function eventOf(fields: Fields, about: string): ActorEvent {
  if (fields["event"] === undefined)
    throw new TroupeError("bad_request", `"event" is missing`, { about, faults: [{ path: "event", message: "is missing" }] });
  return checkEvent(fields["event"], about);
}
