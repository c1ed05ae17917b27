import type { Msg } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import type { Answers } from "./answers.ts";
import { apiError, isNobodyThere, type ApiFailure } from "./failures.ts";
import type { HeaderBlock } from "./header-block.ts";

/**
 * What became of one stored message or batch. `silent`: nobody knows. `absent`: no stream listens on the subject, so nothing
 * was stored (the server answers for it).
 */
export type StoreAnswer =
  | { readonly kind: "stored"; readonly sequence: number }
  | { readonly kind: "failed"; readonly failure: ApiFailure }
  | { readonly kind: "absent" }
  | { readonly kind: "silent"; readonly cause: TroupeError };

const ABSENT: StoreAnswer = { kind: "absent" };
const LETTER_S = 0x73;

/** A positive answer is `{"stream":…`, a negative one `{"error":…`: the third byte tells, before anything is parsed. */
export function isStored(body: Uint8Array): boolean {
  return body[2] === LETTER_S;
}

export function readPubAck(message: Msg): StoreAnswer {
  const body = message.data;
  if (body.length === 0)
    return isNobodyThere(message.headers?.code ?? 0) ? ABSENT : { kind: "failed", failure: { code: 0, description: "an empty answer" } };
  const answer = JSON.parse(Buffer.from(body).toString()) as { seq?: number; error?: ApiFailure };
  return answer.error === undefined ? { kind: "stored", sequence: answer.seq ?? 0 } : { kind: "failed", failure: answer.error };
}

/** Stores one message. Never rejects. */
export function store(answers: Answers, subject: string, body: Uint8Array, headers?: HeaderBlock): Promise<StoreAnswer> {
  return new Promise((resolve) => {
    answers.send(subject, body, headers, {
      heard(message) {
        resolve(readPubAck(message));
        return true;
      },
      silent(cause) {
        resolve({ kind: "silent", cause });
      },
    });
  });
}

/** Why something was not stored, as our error. */
export function notStored(answer: Exclude<StoreAnswer, { kind: "stored" }>, what: string): TroupeError {
  if (answer.kind === "silent") return answer.cause;
  if (answer.kind === "absent") return new TroupeError("not_provisioned", `${what} was refused: no stream takes it`);
  return isNobodyThere(answer.failure.code)
    ? new TroupeError("no_answer", `${what} was refused: ${answer.failure.description ?? ""}`)
    : apiError(answer.failure, what);
}

/** What a host wrote as JSON; undefined where something else than troupe did: as good as nothing. */
export function readJson<Content>(body: Uint8Array): Partial<Content> | undefined {
  try {
    return JSON.parse(Buffer.from(body).toString()) as Partial<Content>;
  } catch {
    return undefined;
  }
}
