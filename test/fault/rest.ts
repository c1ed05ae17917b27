import { api } from "../../src/nats/names.ts";
import type { Line } from "../sim/history.ts";
import type { Field } from "./field.ts";

type Rest = Extract<Line, { kind: "rest" }>;

/** What a real server still has in the end: mail that nobody has acknowledged, schedules that have not fired. */
export async function restOf({ connection, names, options }: Field): Promise<Omit<Rest, "at">> {
  const sources = Array.from({ length: options.partitions }, (_, partition) => names.sources(partition)).flat();
  const unacknowledged = await Promise.all(
    sources.map(async ({ info, partition, source }) => {
      const reply = JSON.parse((await connection.request(info)).string()) as { num_pending: number; num_ack_pending: number };
      const count = reply.num_pending + reply.num_ack_pending;
      return count === 0 ? [] : [`${partition} ${source}: ${count}`];
    }),
  );
  return { kind: "rest", unacknowledged: unacknowledged.flat(), timers: await timersOf({ connection, names }) };
}

async function timersOf({ connection, names }: Pick<Field, "connection" | "names">): Promise<Rest["timers"]> {
  const filter = `${names.namespace}.timer.>`;
  const timers: { actor: string; timer: string; dueAt: number }[] = [];
  for (let seq = 1; ;) {
    const reply = await connection.request(api.messageGet(names.streams.core), JSON.stringify({ seq, next_by_subj: filter }));
    const { message } = JSON.parse(reply.string()) as { readonly message?: { seq: number; subject: string; data?: string } };
    if (message === undefined) return timers;
    const [, , type, id, timer = ""] = message.subject.split(".");
    // One that was withdrawn leaves an empty message for a minute.
    if (message.data !== undefined) timers.push({ actor: `${type}/${id}`, timer, dueAt: 0 });
    seq = message.seq + 1;
  }
}
