import type { Msg } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { headerOf } from "./delivery.ts";
import { apiError, isMessageMissing, isNobodyThere, type ApiFailure } from "./failures.ts";
import { NATS_HEADERS } from "./names.ts";

/** A message as it lies in a stream. */
export interface Stored {
  readonly subject: string;
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly header: (name: string) => string;
}

/** Why a read was refused, as our error. */
export function readError(stream: string, code: number, description: string): TroupeError {
  return isNobodyThere(code)
    ? new TroupeError("no_answer", `Nobody serves reads of the stream ${stream}: it is missing, or without a leader`, { about: stream })
    : new TroupeError("defect", `A read of the stream ${stream} was refused: ${code} ${description}`, { about: stream });
}

/** What a direct read brings. */
export function directStored(message: Msg): Stored {
  return {
    subject: headerOf(message, NATS_HEADERS.subject),
    sequence: Number(headerOf(message, NATS_HEADERS.sequence)),
    body: message.data,
    header: (name) => headerOf(message, name),
  };
}

interface MessageReply {
  readonly error?: ApiFailure;
  readonly message?: { readonly subject: string; readonly seq: number; readonly hdrs?: string; readonly data?: string };
}

/** What a read from the leader brings; undefined where it has nothing. @throws no_answer, not_provisioned */
export function leaderStored(stream: string, message: Msg): Stored | undefined {
  if (message.data.length === 0) throw readError(stream, message.headers?.code ?? 0, "");
  const reply = JSON.parse(message.string()) as MessageReply;
  if (reply.error !== undefined) {
    if (isMessageMissing(reply.error)) return undefined;
    throw apiError(reply.error, stream);
  }
  const { subject = "", seq = 0, hdrs = "", data = "" } = reply.message ?? {};
  const head = Buffer.from(hdrs, "base64").toString();
  return { subject, sequence: seq, body: Buffer.from(data, "base64"), header: (name) => headerIn(head, name) };
}

function headerIn(head: string, name: string): string {
  const at = head.indexOf(`\r\n${name}:`);
  if (at < 0) return "";
  const from = at + name.length + 3;
  return head.slice(from, head.indexOf("\r\n", from)).trim();
}
