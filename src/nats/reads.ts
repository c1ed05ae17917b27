import type { Msg } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import type { Answers } from "./answers.ts";
import { headerOf } from "./delivery.ts";
import { apiError, classifyReadStatus, isMessageMissing, isNobodyThere, type ApiFailure } from "./failures.ts";
import { api, isMarker, NATS_HEADERS } from "./names.ts";

/** A message as it lies in a stream. */
export interface Stored {
  readonly subject: string;
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly header: (name: string) => string;
}

/** The server refuses a batched read that matches more than 1,024 messages. */
const MOST_PER_READ = 512;
/** Left to itself the server sends as much as a connection may hold (`max_pending`), and ends one that has to hold anything else too. */
const MOST_BYTES_AT_ONCE = 16 * 1024 * 1024;
/** What a socket takes without holding others up. */
const MOST_BYTES_IN_A_ROW = 4 * 1024 * 1024;
/** Leader reads that wait at the same time; the server drops API requests beyond its queue of 10,000. */
const MOST_LEADER_READS = 256;

/**
 * The newest message of each of some subjects, never stale. Where the stream has one replica, one batched direct read: only the
 * leader can answer it. With replicas any of them might, behind the leader, so every subject is asked of the leader by itself.
 */
export class Reads {
  readonly #answers: Answers;
  readonly #leaderOnly: boolean;

  constructor(answers: Answers, replicas: number) {
    this.#answers = answers;
    this.#leaderOnly = replicas > 1;
  }

  /** By subject; delete markers count as nothing. @throws no_answer, no_connection, not_provisioned */
  async newest(stream: string, subjects: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    const found = new Map<string, Stored>();
    const most = this.#leaderOnly ? MOST_LEADER_READS : MOST_PER_READ;
    for (let from = 0; from < subjects.length; from += most) {
      const some = from === 0 && subjects.length <= most ? subjects : subjects.slice(from, from + most);
      if (this.#leaderOnly) await Promise.all(some.map((subject) => this.#readFromLeader(stream, subject, found)));
      else await this.#readTogether(stream, some, found);
    }
    for (const [subject, stored] of found) if (isMarker(stored.header)) found.delete(subject);
    return found;
  }

  /**
   * The next messages of a subject from a sequence on, oldest first, so many at most, and 4 MiB; none where there are no more. Any
   * replica may answer, and one that lags has fewer. @throws no_answer, no_connection, not_provisioned
   */
  following(stream: string, subject: string, from: number, most: number): Promise<readonly Stored[]> {
    const found: Stored[] = [];
    const request = { seq: from, next_by_subj: subject, batch: most, max_bytes: MOST_BYTES_IN_A_ROW };
    return new Promise((resolve, reject) => {
      this.#answers.send(api.directGet(stream), Buffer.from(JSON.stringify(request)), undefined, {
        heard(message) {
          const { headers } = message;
          const status = message.data.length > 0 ? undefined : classifyReadStatus(headers?.code ?? 0);
          if (status === undefined) {
            found.push(directStored(message));
            return false;
          }
          if (status === "complete") resolve(found);
          else reject(readError(stream, headers?.code ?? 0, headers?.description ?? ""));
          return true;
        },
        silent: reject,
      });
    });
  }

  /** The newest message that matches a subject with wildcards, from the leader. @throws no_answer, no_connection, not_provisioned */
  async newestOne(stream: string, filter: string): Promise<Stored | undefined> {
    const found = new Map<string, Stored>();
    await this.#readFromLeader(stream, filter, found);
    const stored = found.get(filter);
    return stored === undefined || isMarker(stored.header) ? undefined : stored;
  }

  /** The sequence of the newest message that matches, a marker included, from the leader; 0 where there is none. */
  async lastSequence(stream: string, filter: string): Promise<number> {
    const found = new Map<string, Stored>();
    await this.#readFromLeader(stream, filter, found);
    return found.get(filter)?.sequence ?? 0;
  }

  /** The newest message of each subject that matches, markers included. Any replica may answer, and one that lags is behind. @throws no_answer, no_connection */
  async every(stream: string, filter: string): Promise<readonly Stored[]> {
    const found = new Map<string, Stored>();
    if (!(await this.#readBatch(stream, [filter], found)))
      throw new TroupeError("no_answer", `The stream ${stream} has more on ${filter} than the server sends at once`, { about: stream });
    return [...found.values()];
  }

  async #readTogether(stream: string, subjects: readonly string[], found: Map<string, Stored>): Promise<void> {
    let wanted = subjects;
    while (wanted.length > 0) {
      const before = found.size;
      const complete = await this.#readBatch(stream, wanted, found);
      // The server ends a batch early when it has sent as much as a connection may hold; the rest is asked for again.
      if (complete || found.size === before) return;
      wanted = wanted.filter((subject) => !found.has(subject));
    }
  }

  #readBatch(stream: string, subjects: readonly string[], found: Map<string, Stored>): Promise<boolean> {
    const subject = api.directGet(stream);
    return new Promise((resolve, reject) => {
      this.#answers.send(subject, Buffer.from(JSON.stringify({ multi_last: subjects, max_bytes: MOST_BYTES_AT_ONCE })), undefined, {
        heard(message) {
          const { headers } = message;
          const status = message.data.length > 0 ? undefined : classifyReadStatus(headers?.code ?? 0);
          if (status === undefined) {
            const stored = directStored(message);
            found.set(stored.subject, stored);
            return false;
          }
          if (status === "complete") resolve((headers?.get(NATS_HEADERS.numPending) || "0") === "0");
          else reject(readError(stream, headers?.code ?? 0, headers?.description ?? ""));
          return true;
        },
        silent: reject,
      });
    });
  }

  #readFromLeader(stream: string, subject: string, found: Map<string, Stored>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answers.send(api.messageGet(stream), Buffer.from(JSON.stringify({ last_by_subj: subject })), undefined, {
        heard(message) {
          try {
            const stored = leaderStored(stream, message);
            if (stored !== undefined) found.set(subject, stored);
            resolve();
          } catch (error) {
            reject(error);
          }
          return true;
        },
        silent: reject,
      });
    });
  }
}

function readError(stream: string, code: number, description: string): TroupeError {
  return isNobodyThere(code)
    ? new TroupeError("no_answer", `Nobody serves reads of the stream ${stream}: it is missing, or without a leader`, { about: stream })
    : new TroupeError("defect", `A read of the stream ${stream} was refused: ${code} ${description}`, { about: stream });
}

function directStored(message: Msg): Stored {
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

function leaderStored(stream: string, message: Msg): Stored | undefined {
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
