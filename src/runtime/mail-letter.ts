import { decodeBody, encodeMsgpack, MSGPACK } from "../core/codec.ts";
import { HEADERS, type ActorEvent, type Envelope } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { NOT_PLAIN, plainCopy, type Allowance } from "../core/plain-copy.ts";
import type { ParentRecord } from "../core/record.ts";
import type { Letter } from "../ports/store.ts";

/** What the body of mail between actors is: mostly the envelope that its reader gets. Read by decode.ts. */
export type MailBody =
  | { readonly kind: "child"; readonly input: unknown; readonly parent: ParentRecord; readonly version?: string }
  | { readonly kind: "event"; readonly event: ActorEvent }
  | Extract<Envelope, { readonly kind: "report" | "stop" | "resume" | "permit" | "hand" | "name" | "relay" }>;

/** What is larger is measured by writing it down. */
const MOST_PLAIN_BYTES = 4_096;

/** Mail between actors: written down when it is stored, which what is heard nearby never is. */
export class MailLetter implements Letter {
  readonly headers: Readonly<Record<string, string>>;
  readonly #said: MailBody;
  /** What its reader gets: nothing that the sender could still change. */
  readonly #copy: unknown;
  /** Bytes it takes, written down: at most so many where it was not. */
  readonly size: number;
  #bytes: Uint8Array | undefined;

  /** @throws bad_payload for what cannot be written down */
  constructor(said: MailBody) {
    this.#said = said;
    this.headers = headersOf(said.kind);
    const left: Allowance = { bytes: MOST_PLAIN_BYTES };
    this.#copy = plainCopy(said, left);
    this.size = this.#copy === NOT_PLAIN ? this.body.length : MOST_PLAIN_BYTES - left.bytes;
  }

  get body(): Uint8Array {
    return (this.#bytes ??= written(this.#said));
  }

  /** As if it had been stored and delivered. Once: the reader may change what it gets. */
  read(): MailBody {
    return (this.#copy === NOT_PLAIN ? decodeBody(this.body, MSGPACK) : this.#copy) as MailBody;
  }
}

const headers = new Map<string, Readonly<Record<string, string>>>();

function headersOf(kind: MailBody["kind"]): Readonly<Record<string, string>> {
  let known = headers.get(kind);
  if (known === undefined) headers.set(kind, (known = { [HEADERS.kind]: kind, [HEADERS.contentType]: MSGPACK }));
  return known;
}

function written(said: MailBody): Uint8Array {
  try {
    return encodeMsgpack(said);
  } catch (cause) {
    throw new TroupeError("bad_payload", `What was sent cannot be written down: ${(cause as Error).message}`, { cause });
  }
}
