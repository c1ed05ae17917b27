import { createHost, defineActor, defineTask, TerminalError, type ActivityContext, type RunningHost } from "../../src/index.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { pino } from "pino";
import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { NatsSocket } from "../support/socket.ts";

/** A server that asks for a token, one host on it, and sockets that speak the bare protocol. */
export interface Stand {
  readonly port: number;
  readonly host: RunningHost;
  socket(): Promise<NatsSocket>;
  close(): Promise<void>;
}

/** The README's examples connect with it. */
export const TOKEN = "s3cret";

export async function openStand(): Promise<Stand> {
  const server: EmbeddedServer = await startServer({ authorization: { kind: "config", text: `authorization { token: "${TOKEN}" }` } });
  const sockets: NatsSocket[] = [];
  try {
    const nats = { servers: `127.0.0.1:${server.port}`, token: TOKEN, context: false } as const;
    const host = await createHost({
      nats,
      partitions: 4,
      workerTimeout: "3s",
      actors: [greet, render, wait, fussy, stock, transcode],
      log: pino({ level: "silent" }),
    });
    // The queue of a type is there once something was offered in it.
    await offerOnce(host, await NatsSocket.connect(server.port, TOKEN));
    return {
      port: server.port,
      host,
      async socket() {
        const socket = await NatsSocket.connect(server.port, TOKEN);
        sockets.push(socket);
        return socket;
      },
      async close() {
        for (const socket of sockets) socket[Symbol.dispose]();
        await host.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function offerOnce({ client }: RunningHost, socket: NatsSocket): Promise<void> {
  const ref = await client.start(transcode, { id: "0" });
  await eventually("the queue is there, and the offer in it", async () => {
    const info = await socket.request("$JS.API.CONSUMER.INFO.TROUPE_WORK.transcode-normal");
    const { state } = (await socket.request("$JS.API.STREAM.INFO.TROUPE_WORK")).json<{ state?: { last_seq: number } }>();
    return !("error" in info.json<object>()) && (state?.last_seq ?? 0) > 0;
  });
  await ref.cancel();
  await ref.waitFor(({ state }) => state === "failed", { timeout: "5s" });
  // What nobody wants any more lies there until its owner sweeps: the page's worker must not get it.
  await socket.request("$JS.API.STREAM.PURGE.TROUPE_WORK");
  socket[Symbol.dispose]();
}

const greet = defineTask({
  name: "greet",
  input: z.object({ name: z.string() }),
  run: ({ input }) => `Hello, ${input.name}`,
});

/** Tells how far it is, then gives back what it got. */
const render = defineTask({
  name: "render",
  history: true,
  run: (context: ActivityContext) => {
    context.progress({ percent: 50 });
    return { rendered: context.input };
  },
});

/** Runs until it is cancelled. */
const wait = defineTask({
  name: "wait",
  run: async ({ signal }: ActivityContext) => {
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
  },
});

/** No host has what it needs: it is done by whoever speaks the protocol. */
const transcode = defineTask({
  name: "transcode",
  labels: ["ffmpeg"],
  retry: { attempts: 2, minDelayMs: 50, jitter: 0 },
  run: () => {
    throw new Error("a host has run what it could not");
  },
});

const fussy = defineTask({
  name: "fussy",
  run: () => {
    throw new TerminalError("Not in the mood");
  },
});

/** A shelf with three things on it: whoever asks for one is told how many are left. */
const stock = defineActor({
  name: "stock",
  machine: setup({
    types: { context: {} as { left: number }, events: {} as { type: "take"; replyTo: AnyActorRef } | { type: "close" } },
    guards: { some: ({ context }) => context.left > 0 },
    actions: {
      take: assign({ left: ({ context }) => context.left - 1 }),
      tell: sendTo(
        ({ event }) => (event as { replyTo: AnyActorRef }).replyTo,
        ({ context }) => ({ type: "taken", left: context.left }),
      ),
    },
  }).createMachine({
    context: { left: 3 },
    initial: "open",
    states: { open: { on: { take: { guard: "some", actions: ["take", "tell"] }, close: "closed" } }, closed: { type: "final" } },
    output: ({ context }) => context.left,
  }),
});
