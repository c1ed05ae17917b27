import type { Msg } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import type { Answers } from "./answers.ts";
import { fromCaughtUp, type Ask, type Page } from "./caught-up.ts";
import { classifyPageEnd, classifyReadStatus } from "./failures.ts";
import { Horizon } from "./horizon.ts";
import { api, isMarker, NATS_HEADERS } from "./names.ts";
import { standing } from "./standing.ts";
import { directStored, leaderStored, readError, type Stored } from "./stored.ts";

/** The server refuses a batched read that matches more than 1,024 messages. */
const MOST_PER_READ = 512;
/** Left to itself the server sends as much as a connection may hold (`max_pending`), and ends one that has to hold anything else too. */
const MOST_BYTES_AT_ONCE = 16 * 1024 * 1024;
/** What a socket takes without holding others up. */
const MOST_BYTES_IN_A_ROW = 4 * 1024 * 1024;
/** Leader reads that wait at the same time; the server drops API requests beyond its queue of 10,000. */
const MOST_LEADER_READS = 256;
const NOWHERE = new Horizon(new Map());

type Found = Map<string, Stored>;

/**
 * The newest message of each of some subjects. Where the stream has one replica, by one batched direct read: only the leader can answer
 * it. With replicas any of them might, behind the leader: `newest` believes the one that has come as far as this process
 * knows the stream to reach (horizon.ts), and without a horizon `fromLeader` is left, which asks for every subject by itself.
 */
export class Reads {
  readonly #answers: Answers;
  readonly #hasCopies: boolean;
  readonly #horizon: Horizon;
  readonly #now: () => number;

  /**
   * @param horizon of a process that writes or must know how far others have; without one, reads with replicas are the leader's
   * @param now the server's time of day, by which a copy may hold what has run out; NaN where it is not known
   */
  constructor(answers: Answers, replicas: number, horizon = NOWHERE, now = () => NaN) {
    this.#answers = answers;
    this.#hasCopies = replicas > 1;
    this.#horizon = horizon;
    this.#now = now;
  }

  /**
   * By subject, as of `atLeast` or later; markers count as nothing, nor does what has run out. Never older than what this process knows to be stored.
   * @throws no_answer, no_connection, not_provisioned
   */
  async newest(stream: string, subjects: readonly string[], atLeast = this.#horizon.of(stream)): Promise<ReadonlyMap<string, Stored>> {
    if (this.#hasCopies && !this.#horizon.tracks(stream)) return this.fromLeader(stream, subjects);
    const found: Found = new Map();
    for (const some of slices(subjects, MOST_PER_READ)) await this.#readTogether(stream, some, found, atLeast);
    return standing(found, this.#now());
  }

  /**
   * The same from whoever believes to be the leader. It is, but for a server that is cut off and has not noticed yet: what that one says
   * is some seconds old, and what it does not have may well be there. So may what a server has not that is just ending: it
   * answers every failure to load with "no message found" (server/jetstream_api.go, `jsMsgGetRequest`). @throws as `newest`
   */
  async fromLeader(stream: string, subjects: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    if (!this.#hasCopies) return this.newest(stream, subjects);
    const found: Found = new Map();
    for (const some of slices(subjects, MOST_LEADER_READS))
      await Promise.all(some.map((subject) => this.#readFromLeader(stream, subject, found)));
    return standing(found, this.#now());
  }

  /**
   * The next messages of a subject from a sequence on, oldest first, so many at most, and 4 MiB; none where the leader has no more. Any
   * copy may answer, and one that lags has fewer. @throws no_answer, no_connection, not_provisioned
   */
  async following(stream: string, subject: string, from: number, most: number): Promise<readonly Stored[]> {
    const found = await this.#readRow(stream, subject, from, most);
    if (found.length > 0 || !this.#hasCopies) return found;
    const next = await this.#askLeader(stream, { seq: from, next_by_subj: subject });
    return next === undefined ? [] : [next];
  }

  /** The newest message that matches a subject with wildcards, as `fromLeader`. @throws no_answer, no_connection, not_provisioned */
  async newestOne(stream: string, filter: string): Promise<Stored | undefined> {
    const stored = await this.#askLeader(stream, { last_by_subj: filter });
    return stored === undefined || isMarker(stored.header) ? undefined : stored;
  }

  /** The sequence of the newest message that matches, a marker included, as `fromLeader`; 0 where there is none. */
  async lastSequence(stream: string, filter: string): Promise<number> {
    return (await this.#askLeader(stream, { last_by_subj: filter }))?.sequence ?? 0;
  }

  /** The newest message of each subject that matches, markers included. As new as `newest` is. @throws as `newest` */
  async every(stream: string, filter: string, atLeast = this.#horizon.of(stream)): Promise<readonly Stored[]> {
    const { ending, found } = await this.#readBelieved(stream, [filter], atLeast);
    if (ending === "cut")
      throw new TroupeError("no_answer", `The stream ${stream} has more on ${filter} than the server sends at once`, { about: stream });
    return [...found.values()];
  }

  async #readTogether(stream: string, subjects: readonly string[], found: Found, atLeast: number): Promise<void> {
    let wanted = subjects;
    while (wanted.length > 0) {
      const page = await this.#readBelieved(stream, wanted, atLeast);
      for (const subject of wanted) {
        const stored = page.found.get(subject);
        if (stored === undefined) continue;
        found.set(subject, stored);
        this.#horizon.heard(stream, stored.sequence);
      }
      // The server ends a batch early when it has sent as much as a connection may hold; the rest is asked for again.
      if (page.ending !== "cut" || page.found.size === 0) return;
      wanted = wanted.filter((subject) => !found.has(subject));
    }
  }

  /**
   * Of a stream without copies, from its one server. Otherwise every look but the first asks for the landmark too: a copy that has
   * nothing of what is asked for does not say how far it has come.
   */
  #readBelieved(stream: string, subjects: readonly string[], atLeast: number): Promise<Page<Found>> {
    const landmark = this.#horizon.landmark(stream);
    let asked = subjects;
    const ask: Ask<Found> = async (heard) => {
      const page = await this.#readPage(stream, asked, heard);
      if (page.ending === "none" && landmark !== undefined) asked = [...subjects, landmark];
      return page;
    };
    const hasCopies = this.#hasCopies;
    return fromCaughtUp({ about: stream, atLeast: hasCopies ? atLeast : 0, hasCopies, deadlineMs: this.#answers.deadlineMs }, ask);
  }

  #readPage(stream: string, subjects: readonly string[], heard: () => void): Promise<Page<Found>> {
    const subject = api.directGet(stream);
    const found: Found = new Map();
    return new Promise((resolve, reject) => {
      this.#answers.send(subject, Buffer.from(JSON.stringify({ multi_last: subjects, max_bytes: MOST_BYTES_AT_ONCE })), undefined, {
        heard(message) {
          const { code = 0, description = "" } = message.headers ?? {};
          const ending = message.data.length > 0 ? undefined : classifyPageEnd(code, description);
          if (ending === undefined) {
            const stored = directStored(message);
            found.set(stored.subject, stored);
            heard();
            return false;
          }
          if (ending === "failed") reject(readError(stream, code, description));
          else resolve(pageOf(ending, found, message));
          return true;
        },
        silent: reject,
      });
    });
  }

  #readRow(stream: string, subject: string, from: number, most: number): Promise<readonly Stored[]> {
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

  async #readFromLeader(stream: string, subject: string, found: Found): Promise<void> {
    const stored = await this.#askLeader(stream, { last_by_subj: subject });
    if (stored !== undefined) found.set(subject, stored);
  }

  #askLeader(stream: string, request: object): Promise<Stored | undefined> {
    return new Promise((resolve, reject) => {
      this.#answers.send(api.messageGet(stream), Buffer.from(JSON.stringify(request)), undefined, {
        heard(message) {
          try {
            resolve(leaderStored(stream, message));
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

function slices<Each>(all: readonly Each[], most: number): readonly (readonly Each[])[] {
  if (all.length <= most) return all.length === 0 ? [] : [all];
  return Array.from({ length: Math.ceil(all.length / most) }, (_, n) => all.slice(n * most, (n + 1) * most));
}

function pageOf(ending: Exclude<Page<Found>["ending"], "cut">, found: Found, { headers }: Msg): Page<Found> {
  const isCut = ending === "whole" && (headers?.get(NATS_HEADERS.numPending) || "0") !== "0";
  return { ending: isCut ? "cut" : ending, found, upTo: Number(headers?.get(NATS_HEADERS.upTo) || 0) };
}
