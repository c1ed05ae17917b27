import { toErrorRecord, type ErrorRecord } from "./errors.ts";

/*
 * What workers and the owner of an actor say to each other of an attempt that was offered. On the wire as JSON; workers in other
 * languages speak it too, so what comes in is read field by field.
 */

/** What a worker says to the owner. `take` and `result` are asked again until they are answered; the rest may be lost. */
export type WorkerWord =
  | (Speaker & { readonly say: "take"; readonly tell?: string })
  | (Speaker & { readonly say: "beat" })
  | (Speaker & { readonly say: "progress"; readonly value: unknown })
  /** It will not go on. `begun`: its code may have done something. */
  | (Speaker & { readonly say: "back"; readonly begun: boolean })
  /** For a worker whose result the way in has no room for. */
  | (Speaker & { readonly say: "result"; readonly end: WorkEnd });

interface Speaker {
  readonly token: string;
  readonly worker: string;
}

/**
 * What the owner answers. `go`: begin, or go on. `wait`: it cannot be said yet, ask again. `stop`: the attempt is over, or another's; what
 * comes of it is not wanted.
 */
export type OwnerWord = { readonly say: "go" } | { readonly say: "wait" } | { readonly say: "stop"; readonly reason: ErrorRecord };

/** How an attempt ended, as its worker tells it. */
export type WorkEnd = { readonly kind: "done"; readonly output: unknown } | { readonly kind: "failed"; readonly error: ErrorRecord };

/** Longer ones are no use: a subject that the server would not take. */
const MOST_SUBJECT_CHARS = 256;
const MOST_NAME_CHARS = 256;

/** Undefined for what no worker says. */
export function readWorkerWord(value: unknown): WorkerWord | undefined {
  const fields = fieldsOf(value);
  const { say, token, worker } = fields;
  if (!isName(token) || !isName(worker)) return undefined;
  switch (say) {
    case "take": {
      const { tell } = fields;
      return typeof tell === "string" && tell !== "" && tell.length <= MOST_SUBJECT_CHARS
        ? { say, token, worker, tell }
        : { say, token, worker };
    }
    case "beat":
      return { say, token, worker };
    case "progress":
      return { say, token, worker, value: fields["value"] };
    case "back":
      return { say, token, worker, begun: fields["begun"] !== false };
    case "result":
      return { say, token, worker, end: readEnd(fields) };
    default:
      return undefined;
  }
}

/** Undefined for what no owner says: the worker asks again. */
export function readOwnerWord(value: unknown): OwnerWord | undefined {
  const { say, reason } = fieldsOf(value);
  if (say === "stop") return { say, reason: readError(reason) };
  return say === "go" || say === "wait" ? { say } : undefined;
}

/** `{"token", "output"}` or `{"token", "error"}`. Undefined for anything else. */
export function readResult(value: unknown): { readonly token: string; readonly end: WorkEnd } | undefined {
  const fields = fieldsOf(value);
  const { token } = fields;
  return isName(token) ? { token, end: readEnd(fields) } : undefined;
}

export function resultOf(token: string, end: WorkEnd): object {
  return end.kind === "done" ? { token, output: end.output } : { token, error: end.error };
}

function readEnd({ output, error }: Readonly<Record<string, unknown>>): WorkEnd {
  return error === undefined || error === null ? { kind: "done", output } : { kind: "failed", error: readError(error) };
}

/** An error in the words of a worker, who may know no more than a message. */
function readError(value: unknown): ErrorRecord {
  const { name, message, code, retryable } = fieldsOf(value);
  if (typeof message !== "string") return toErrorRecord(typeof value === "string" ? value : JSON.stringify(value ?? null));
  return {
    ...(value as object),
    name: typeof name === "string" ? name : "Error",
    message,
    ...(typeof code === "string" || typeof code === "number" ? { code: `${code}` } : {}),
    ...(retryable === false ? { retryable } : {}),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MOST_NAME_CHARS;
}
