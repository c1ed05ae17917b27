import { TroupeError, type ErrorCode } from "../core/errors.ts";

/**
 * What the server's numbers mean. No other file knows an error code or a status number of JetStream.
 */

export interface ApiFailure {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/**
 * What to do about a refused write.
 * `fence`: a fence moved. `busy`: a write to the fence's subject is still under way (replicated streams): the same again, soon.
 * `again`: the server gave the batch up, nothing of it is stored: the same again under a new id. `final`: trying again cannot help.
 */
export type WriteRefusal = "fence" | "busy" | "again" | "final";

const WRITE_REFUSALS: Readonly<Record<number, WriteRefusal>> = {
  10071: "fence", // wrong last sequence: n
  10164: "busy", // wrong last sequence, the subject has a write in flight
  10176: "again", // batch incomplete: leader changed while staging, idle for 10 s, hidden limit
  10210: "again", // too many batches in flight
  10008: "again", // JetStream system temporarily unavailable
  10009: "again", // no leader yet
  10123: "again", // too many pending requests
  10158: "again", // an earlier try under the same id is still under way (replicated streams)
};

export function classifyWrite(failure: ApiFailure): WriteRefusal {
  return WRITE_REFUSALS[failure.err_code ?? 0] ?? (failure.code === 503 ? "again" : "final");
}

/** The remains of a batch whose first message was refused with a reason of its own: that reason is the one to look at. */
export function isIncompleteBatch(failure: ApiFailure): boolean {
  return failure.err_code === 10176;
}

/** A message is to take a schedule away, and what lies in its place is none. (Where nothing lies there, the server has no objection.) */
export function isNoSchedule(failure: ApiFailure): boolean {
  return failure.err_code === 10212;
}

/** Asked to delete a message that is gone already. */
export function isDeleted(failure: ApiFailure): boolean {
  return failure.err_code === 10043 || failure.err_code === 10057;
}

export function isMessageMissing(failure: ApiFailure): boolean {
  return failure.err_code === 10037;
}

export function isStreamMissing(failure: ApiFailure): boolean {
  return failure.err_code === 10059;
}

export function isConsumerMissing(failure: ApiFailure): boolean {
  return failure.err_code === 10014;
}

/** Somebody created the stream, with other settings, between our looking and our creating. */
export function isStreamThere(failure: ApiFailure): boolean {
  return failure.err_code === 10058;
}

/** Another stream has a subject of it. */
export function isSubjectTaken(failure: ApiFailure): boolean {
  return failure.err_code === 10065;
}

/** The server reserves a stream's `max_bytes` when it is created, of what `max_file_store` leaves. */
export function isStorageExhausted(failure: ApiFailure): boolean {
  return failure.err_code === 10047 || failure.err_code === 10023;
}

const TOO_LARGE = 10054;
const WAY_IN_FULL = new Set([10077, 10047, 10023]); // maximum bytes or messages exceeded, storage resources

/** A refused publish to the way in, as our error. */
export function wayInError(failure: ApiFailure, about: string): TroupeError {
  const text = `The message to ${about} was refused: ${failure.description ?? "no reason given"}`;
  if (WAY_IN_FULL.has(failure.err_code ?? 0)) return new TroupeError("in_full", text, { about });
  if (failure.err_code === TOO_LARGE) return new TroupeError("too_large", text, { about });
  return apiError(failure, about);
}

export function apiError(failure: ApiFailure, about: string): TroupeError {
  const text = `${about}: ${failure.description ?? "refused"} (${failure.err_code ?? failure.code})`;
  const code: ErrorCode =
    isStreamMissing(failure) || isConsumerMissing(failure) || failure.err_code === 10039 || failure.err_code === 10076
      ? "not_provisioned"
      : failure.code === 503
        ? "no_answer"
        : "defect";
  return new TroupeError(code, text, { about });
}

/** How a status message (an empty message with a code) ends or accompanies a pull. */
export type PullStatus = "heartbeat" | "ended" | "lost";

/** The 409s that only say that a request has run its course. The others say that the consumer is gone or moved. */
const RUN_ITS_COURSE = /batch completed|exceeds maxbytes/i;

export function classifyPullStatus(code: number, description: string): PullStatus {
  if (code === 100) return "heartbeat";
  if (code === 408 || code === 404) return "ended";
  return code === 409 && RUN_ITS_COURSE.test(description) ? "ended" : "lost";
}

/** A status message that ends a batched read. `undefined`: not a status, a stored message. */
export function classifyReadStatus(code: number): "complete" | "failed" | undefined {
  if (code === 0) return undefined;
  return code === 204 || code === 404 ? "complete" : "failed";
}

/**
 * How the batched read of several subjects ends. A message that is there and could not be loaded (its server is ending, or removed it in
 * this very moment) ends it with 404 as well, in other words, and what would have come after it is left out (server/stream.go,
 * `getDirectMulti`). Undefined: not a status, a stored message.
 */
export function classifyPageEnd(code: number, description: string): "whole" | "none" | "damaged" | "failed" | undefined {
  if (code === 0) return undefined;
  if (code === 204) return "whole";
  if (code === 404) return NOTHING_THERE.test(description) ? "none" : "damaged";
  return "failed";
}

const NOTHING_THERE = /no results/i;

export function isNobodyThere(code: number): boolean {
  return code === 503;
}
