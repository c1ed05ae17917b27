import type { StandardSchemaV1 } from "@standard-schema/spec";
import { TroupeError, type ErrorCode, type Fault } from "./errors.ts";

/**
 * A value checked against a Standard Schema (zod, valibot, arktype): what the schema makes of it, or a refusal that lists every
 * fault with its path. Schemas that check asynchronously are refused: a turn cannot wait.
 * @throws the given code; bad_options for an asynchronous schema
 */
export function validate(
  schema: StandardSchemaV1 | undefined,
  value: unknown,
  code: Extract<ErrorCode, "invalid_input" | "invalid_output">,
  about: string,
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
  const what = code === "invalid_input" ? "input" : "output";
  throw new TroupeError(
    code,
    `The ${what} of ${about} does not fit its schema: ${faults.map((f) => `${f.path || "(root)"}: ${f.message}`).join("; ")}`,
    { about, faults },
  );
}

function toFault(issue: StandardSchemaV1.Issue): Fault {
  const path = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return { path, message: issue.message };
}
