/**
 * The one error class and the one table of codes. Callers switch on `code`, which also survives two copies
 * of this package in one process; the README repeats the table and a test keeps the two equal.
 */

/** code → [may the same request succeed later?, what to do about it] */
export const ERROR_CODES = {
  // requests
  bad_request: [false, "Correct the request: the message lists every fault."],
  unknown_type: [false, "Register the type in a host, or correct its name."],
  unknown_id: [false, "Check the id; a finished actor is forgotten after its retention."],
  unknown_lane: [false, "Use one of the lanes high, normal, low or event."],
  bad_address: [false, "Use letters, digits, _ and - in a type; in an id also any character but space, dot, * and >."],
  bad_payload: [false, "Send JSON, or msgpack with Content-Type: application/msgpack."],
  invalid_input: [false, "Correct the fields that are listed, each with its path."],
  invalid_output: [false, "Correct what the task returns, or its output schema."],
  invalid_event: [false, "Correct the fields of the event that are listed, each with its path."],
  reserved_event: [false, "Event types that begin with xstate. or troupe. are ours; choose another."],
  bad_delay: [false, "Give delays in milliseconds, zero or more, at most ten years."],
  bad_deadline: [false, "Give a deadline in the future that is not before the delay ends."],
  too_large: [false, "Send or keep less, or a reference to the data: max_payload limits a message, maxRecordBytes a record."],
  id_taken: [false, "Choose another id for the child, or stop the actor that has it."],
  not_running: [false, "The actor has ended; its record shows how."],
  not_accepted: [true, "The actor's present state does not take this event: ask what it accepts, or wait for another state."],
  parked: [false, "The actor waits for a person: its record says why; mend the cause, then take it up again with retry."],
  // ends of tasks
  task_failed: [false, "Read the cause; throw TerminalError for failures that no retry can mend."],
  cancelled: [false, "Somebody cancelled the task; the reason is in the message."],
  expired: [false, "The task did not start before its deadline; add hosts or give it longer."],
  timeout: [true, "The work took longer than its timeout; make it faster or raise the timeout."],
  crashed: [false, "The host died during an attempt and the crash policy forbids another; check, then retry."],
  child_failed: [false, "A child of the plan failed for good; the cause is its error. Mend it, or give its kind a failure rule."],
  bad_plan: [false, "Correct what the plan's expand or replace yields: the message lists every fault by the child's key."],
  transition_threw: [false, "The machine threw while handling an event; mend the definition, then resume the actor."],
  unknown_state: [
    false,
    "Deploy a version that has the state, or a migration to one; the actor then goes on, and nothing sent to it is lost.",
  ],
  migration_failed: [false, "Mend the migration and deploy it; the actor then goes on, and nothing sent to it is lost."],
  newer_version: [false, "Deploy the version that wrote the actor, or a newer one; until then it is left alone."],
  // the way to NATS
  no_connection: [true, "Check that nats-server runs and the address and credentials are right."],
  no_host: [true, "Start a host that has this type registered."],
  no_answer: [true, "The deadline passed without an answer; the request may have been carried out. Retry with the same id."],
  in_full: [true, "The IN stream is full: submit slower, add hosts, or raise its max_bytes."],
  bad_options: [false, "Correct the options that are listed."],
  bad_machine: [false, "Correct the machine at the places listed: name children, register logic, actions, guards and delays."],
  stopped: [true, "The client or host was stopped; make a new one."],
  // streams and the server
  incompatible_server: [false, "Run nats-server 2.14.4 or newer, 2.15.1 recommended."],
  incompatible_stream: [false, "Choose another namespace, or migrate the stream that is named."],
  incompatible_release: [false, "Stop the hosts of the other release first: releases run side by side where their protocol is the same."],
  clashing_definition: [false, "Give the definition that was changed a new version, or stop the host that is named."],
  no_permission: [false, "Give the account the permissions that are listed; troupe server roles writes them."],
  not_provisioned: [false, "Let a deployer run troupe server init once, or start the host with the right to create streams."],
  cut_off: [true, "The host cannot reach NATS and starts nothing; it goes on by itself as soon as it can again."],
  lost_partition: [true, "Another host owns the partition now; nothing to do."],
  commit_unknown: [true, "The server did not answer a commit; the actor is reloaded before anything else happens."],
  // a nats-server of our own
  server_path_bad: [false, "TROUPE_NATS_SERVER names no program that runs; correct or unset it."],
  server_too_old: [false, "Install nats-server 2.14.4 or newer, or unset TROUPE_NATS_SERVER to let troupe find one."],
  server_hash_wrong: [false, "The download is not the pinned release; delete it and try another mirror or network."],
  server_unavailable: [false, "Install nats-server by hand and put it on PATH, or set TROUPE_NATS_SERVER."],
  server_no_network: [true, "Check the network or proxy, or install nats-server by hand and set TROUPE_NATS_SERVER."],
  server_failed: [false, "Read the server's own words in the message."],
  // ours
  defect: [false, "This is a fault in troupe: report it with the message."],
} as const satisfies Record<string, readonly [retryable: boolean, remedy: string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** One fault of a request: where it is (`input.width`) and what is wrong there. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

export interface TroupeErrorDetails {
  /** `type/id` of the actor, or the subject, that the error is about. */
  readonly about?: string;
  readonly faults?: readonly Fault[];
  readonly cause?: unknown;
}

/**
 * Every refusal and failure that troupe reports. Made anywhere in troupe; on the wire it is an {@link ErrorRecord}.
 */
export class TroupeError extends Error {
  override readonly name = "TroupeError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly remedy: string;
  readonly about: string | undefined;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, details: TroupeErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const [retryable, remedy] = ERROR_CODES[code];
    this.code = code;
    this.retryable = retryable;
    this.remedy = remedy;
    this.about = details.about;
    this.faults = details.faults ?? [];
  }
}

/** Thrown by a user's `run` to say that no retry can help. Any object with `retryable: false` is read the same way. */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError";
  readonly retryable = false;
}

/** An error as it is stored in a record and sent on the wire. Made only by {@link toErrorRecord}. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** `false` where no retry can help; absent means that one may. */
  readonly retryable?: false;
  readonly stack?: string;
  readonly faults?: readonly Fault[];
  readonly cause?: ErrorRecord;
}

const MAX_STACK_CHARS = 4096;
const MAX_CAUSES = 5;

/** Any thrown value as a record; stacks are cut at 4,096 characters and chains of causes at five. */
export function toErrorRecord(thrown: unknown, depth = 0): ErrorRecord {
  if (isErrorRecord(thrown)) return thrown;
  if (!(thrown instanceof Error)) return { name: "Error", message: describeThrown(thrown) };
  const { code, faults } = thrown as { code?: unknown; faults?: unknown };
  return {
    name: thrown.name,
    message: thrown.message,
    ...(typeof code === "string" ? { code } : {}),
    ...("retryable" in thrown && thrown.retryable === false ? { retryable: false as const } : {}),
    ...(thrown.stack === undefined || thrown instanceof TroupeError ? {} : { stack: thrown.stack.slice(0, MAX_STACK_CHARS) }),
    ...(isFaultList(faults) ? { faults } : {}),
    ...(thrown.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: toErrorRecord(thrown.cause, depth + 1) }),
  };
}

/** An error of ours for somebody else's eyes: without the paths of this machine that stacks, also those of causes, are full of. */
export function withoutStacks({ stack: _stack, cause, ...rest }: ErrorRecord): ErrorRecord {
  return cause === undefined ? rest : { ...rest, cause: withoutStacks(cause) };
}

const BRIEF_CHARS = 512;

/** Without what may be too much to be stored beside other things: words are cut at 512 characters, stack, faults and cause are left out. */
export function brief({ name, message, code, retryable }: ErrorRecord): ErrorRecord {
  return {
    name: name.slice(0, BRIEF_CHARS),
    message: message.slice(0, BRIEF_CHARS),
    ...(code === undefined ? {} : { code: code.slice(0, BRIEF_CHARS) }),
    ...(retryable === undefined ? {} : { retryable }),
  };
}

/** The error again, for user code: a TroupeError where the code is one of ours, otherwise an Error with its old name. */
export function fromErrorRecord(record: ErrorRecord, about?: string): Error {
  const cause = record.cause === undefined ? undefined : fromErrorRecord(record.cause);
  if (isErrorCode(record.code)) {
    const { faults } = record;
    return new TroupeError(record.code, record.message, {
      ...(about === undefined ? {} : { about }),
      ...(faults === undefined ? {} : { faults }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
  const error = new Error(record.message, cause === undefined ? undefined : { cause });
  error.name = record.name;
  if (record.code !== undefined) Object.assign(error, { code: record.code });
  if (record.retryable === false) Object.assign(error, { retryable: false });
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}

/** What an activity's error event carries is a record already. */
function isErrorRecord(thrown: unknown): thrown is ErrorRecord {
  if (typeof thrown !== "object" || thrown === null || Object.getPrototypeOf(thrown) !== Object.prototype) return false;
  return "name" in thrown && typeof thrown.name === "string" && "message" in thrown && typeof thrown.message === "string";
}

function isFaultList(faults: unknown): faults is readonly Fault[] {
  const isFault = (fault: unknown): boolean => typeof fault === "object" && fault !== null && "path" in fault && "message" in fault;
  return Array.isArray(faults) && faults.length > 0 && faults.every(isFault);
}

/** Anything may be thrown, also what neither JSON nor String can say. */
function describeThrown(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  for (const say of [() => JSON.stringify(thrown), () => String(thrown)]) {
    try {
      const words: unknown = say();
      if (typeof words === "string") return words;
    } catch {
      // the next way may do
    }
  }
  return "a value that cannot be printed";
}
