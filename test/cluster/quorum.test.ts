import { expect, it } from "vitest";
import { connect, createHost, defineTask, TroupeError, type Log, type RunningHost } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { cluster, rig } from "./attended.ts";

const NAMESPACE = "quorum";
const hello = defineTask({ name: "hello", run: () => "hello" });

function noted(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${((fields as { readonly err?: Error }).err ?? { message: "" }).message}`);
  const log: Log = { level: "info", child: () => log, debug: () => {}, info: note("info"), warn: note("warn"), error: note("error") };
  return { log, lines };
}

const start = (log: Log): Promise<RunningHost> =>
  createHost({
    nats: { servers: cluster.addresses, token: cluster.token },
    namespace: NAMESPACE,
    actors: [hello],
    replicas: 3,
    partitions: 4,
    log,
  });

it("says so when most servers are away, sets nothing aside, and goes on when they are back", { timeout: 120_000 }, async () => {
  const { log, lines } = noted();
  await using host = await start(log);
  await using client = await connect({
    nats: { servers: cluster.addresses, token: cluster.token },
    namespace: NAMESPACE,
    sendTimeout: "2s",
  });
  expect(await client.run(hello, undefined, { timeout: "20s" })).toBe("hello");
  expect(await host.readiness()).toMatchObject({ kind: "ready" });
  const system = await rig.system();
  const fence = (await system.adapter.leases.claim(0, "me", 0)) as number;

  const [, second, third] = cluster.servers;
  await Promise.all([second.kill(), third.kill()]);
  const outcome = system.adapter.store.commit({
    fences: new Map([[0, fence]]),
    writes: [{ kind: "record", partition: 0, address: { type: "order", id: "o" }, bytes: Buffer.from("o") }],
  });
  const another = start(noted().log).then(
    () => "it started",
    (error: unknown) => error,
  );
  // That nobody takes the message may also look as if there were no stream.
  await expect(client.start(hello, { id: "away" })).rejects.toBeInstanceOf(TroupeError);
  // Unanswered; or untrusted first, where the server that is left led CORE and goes on answering reads for up to 20 s.
  await eventually("the host is not ready", async () => (await host.readiness()).kind !== "ready", 30_000);
  await eventually("the host says why", () => lines.some((line) => line.startsWith("warn a sign of life was not heard")), 30_000);
  expect(await another).toMatchObject({ code: "no_answer", message: expect.stringContaining("of a cluster most servers must run") });
  await eventually("the host is not trusted any more", async () => (await host.readiness()).kind === "untrusted", 30_000);
  // Refused would mean that its actor is set aside for it.
  expect(await outcome).toMatchObject({ kind: "unknown" });

  await Promise.all([second.start(), third.start()]);
  await cluster.inSync();
  await eventually("the host is ready again", async () => (await host.readiness()).kind === "ready", 30_000);
  const again = await eventually("a task is accepted", () => client.start(hello, { id: "back" }).catch(() => undefined), 30_000);
  expect(await again.result({ timeout: "30s" })).toBe("hello");
  // That it is cut off is worth an error; nothing else is.
  expect(lines.filter((line) => line.startsWith("error") && !line.includes("could not give a sign of life"))).toEqual([]);
});
