/** Callers that each submit a task, wait for its result on core NATS, then submit the next. */
import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import { taskBody } from "./floor-submit.ts";
import { idOfSubject, replyHeader, submitSubject } from "./floor-streams.ts";
import { listen } from "./listen.ts";
import { checkPublishAck } from "./publish-acks.ts";
import { rawHeaders } from "./raw-headers.ts";

/** Resolves to the sorted latencies in ms. Each caller has one reply subject, so its header is built once. */
export function callAll(nc: NatsConnection, round: string, count: number, callers: number): Promise<Float64Array> {
  const latenciesMs = new Float64Array(count);
  const ackInbox = createInbox();
  const resultInbox = createInbox();
  const startedAt = new Float64Array(callers);
  const awaited = new Int32Array(callers);
  const options = Array.from({ length: callers }, (_, caller) => ({
    reply: ackInbox,
    headers: rawHeaders(`${replyHeader}: ${resultInbox}.${caller}\r\n`),
  }));
  let next = 0;
  let answered = 0;
  const call = (caller: number): void => {
    const n = next++;
    awaited[caller] = n;
    startedAt[caller] = performance.now();
    nc.publish(submitSubject(`${round}-${n}`), taskBody(round, n), options[caller]);
  };
  return new Promise((resolve) => {
    const acks = listen(nc, ackInbox, checkPublishAck);
    const results = listen(nc, `${resultInbox}.*`, (result) => {
      const caller = Number(idOfSubject(result.subject));
      const { output } = result.json<{ output: number }>();
      if (output !== awaited[caller]) throw new Error(`caller ${caller} got ${output}, awaited ${awaited[caller]}`);
      latenciesMs[answered++] = performance.now() - startedAt[caller]!;
      if (next < count) return call(caller);
      if (answered < count) return;
      acks.unsubscribe();
      results.unsubscribe();
      resolve(latenciesMs.sort());
    });
    for (let caller = 0; caller < Math.min(callers, count); caller++) call(caller);
  });
}
