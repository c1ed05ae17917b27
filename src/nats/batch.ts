import { nuid } from "@nats-io/nats-core";
import type { Commit } from "../ports/store.ts";
import type { Answers } from "./answers.ts";
import { isIncompleteBatch } from "./failures.ts";
import { fenceLines, HeaderBlock, line } from "./header-block.ts";
import type { Link } from "./link.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { readPubAck, type StoreAnswer } from "./pub-ack.ts";
import type { Wire } from "./writes.ts";

/** A JetStream batch takes no more messages (server default of jetstream.limits.batch.max_msgs). */
export const MOST_WRITES = 1000;

/** One message of a batch, ready to be sent. */
export interface BatchMessage {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: HeaderBlock;
}

/**
 * The messages of one atomic batch. Each fence goes on a message of its own, the first ones: the server checks all of them when
 * the batch is committed, and refuses it as a whole. An id is never used twice, since a crashed server may replay what it staged
 * under it. @throws RangeError when there are more fences than writes
 */
export function composeBatch(names: Names, commit: Commit, wires: readonly Wire[], batchId: string): readonly BatchMessage[] {
  if (commit.fences.size > wires.length) throw new RangeError(`${commit.fences.size} fences on ${wires.length} writes`);
  const fences = commit.fences.entries();
  const idLine = line(NATS_HEADERS.batchId, batchId);
  return wires.map(({ subject, body, lines }, i) => {
    const fence = fences.next();
    const fenced = fence.done === true ? "" : fenceLines(names, fence.value[0], fence.value[1]);
    const last = i === wires.length - 1 ? line(NATS_HEADERS.batchCommit, 1) : "";
    return { subject, body, headers: new HeaderBlock(idLine + line(NATS_HEADERS.batchSequence, i + 1) + fenced + last + lines) };
  });
}

export function newBatchId(): string {
  return nuid.next();
}

/**
 * Sends a batch in one go and waits for the answer to its last message. The first one asks for an answer too: what is wrong with
 * it (too many open batches) is told only there, and the last one is then refused with no more than "incomplete".
 */
export function sendBatch(link: Link, answers: Answers, messages: readonly BatchMessage[]): Promise<StoreAnswer> {
  return new Promise((resolve) => {
    let firstFailure: StoreAnswer | undefined;
    const first = messages[0] as BatchMessage;
    const last = messages.at(-1) as BatchMessage;
    if (messages.length > 1) {
      answers.send(first.subject, first.body, first.headers, {
        heard(message) {
          // An empty answer without a status says that the message is staged.
          if (message.data.length > 0 || message.headers !== undefined) firstFailure = readPubAck(message);
          return true;
        },
        silent() {},
      });
      if (link.connected) for (let i = 1; i < messages.length - 1; i++) publish(link, messages[i] as BatchMessage);
    }
    answers.send(last.subject, last.body, last.headers, {
      heard(message) {
        const answer = readPubAck(message);
        const veiled = firstFailure !== undefined && answer.kind === "failed" && isIncompleteBatch(answer.failure);
        resolve(veiled ? (firstFailure as StoreAnswer) : answer);
        return true;
      },
      silent(cause) {
        resolve({ kind: "silent", cause });
      },
    });
  });
}

function publish(link: Link, message: BatchMessage): void {
  link.publish(message.subject, message.body, message.headers);
}
