import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { EventSchemas } from "./definition.ts";
import type { ActorEvent } from "./envelope.ts";
import { TroupeError, type ErrorCode, type Fault } from "./errors.ts";

const WHAT = { invalid_input: "input", invalid_output: "output", invalid_event: "event" } as const satisfies Partial<
  Record<ErrorCode, string>
>;

/**
 * A value checked against a Standard Schema (zod, valibot, arktype): what the schema makes of it, or a refusal that lists every
 * fault with its path. Schemas that check asynchronously are refused: a turn cannot wait.
 * @throws the given code; bad_options for an asynchronous schema
 */
export function validate(
  schema: StandardSchemaV1 | undefined,
  value: unknown,
  code: keyof typeof WHAT,
  about: string,
  what: string = WHAT[code],
): unknown {
  if (schema === undefined) return value;
  const result = schema["~standard"].validate(value);
  if ("then" in result) {
    // Whatever becomes of it is nobody's business any more.
    result.then(
      () => {},
      () => {},
    );
    throw new TroupeError("bad_options", `The schema of ${about} checks asynchronously; use one that answers at once`, { about });
  }
  if (result.issues === undefined) return result.value;
  const faults = result.issues.map(toFault);
  throw new TroupeError(
    code,
    `The ${what} of ${about} does not fit its schema: ${faults.map((f) => `${f.path || "(root)"}: ${f.message}`).join("; ")}`,
    { about, faults },
  );
}

/** An event from outside, as its schema makes it: the schema says what it holds beside its type. @throws invalid_event, bad_options */
export function validateEvent(schemas: EventSchemas | undefined, event: ActorEvent, about: string): ActorEvent {
  if (schemas === undefined || !Object.hasOwn(schemas, event.type)) return event;
  const { type, ...payload } = event;
  const made = validate(schemas[type], payload, "invalid_event", about, `event "${type}"`);
  return { ...(made as object), type };
}

function toFault(issue: StandardSchemaV1.Issue): Fault {
  const path = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return { path, message: issue.message };
}
