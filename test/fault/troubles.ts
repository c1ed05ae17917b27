import { setTimeout as pause } from "node:timers/promises";
import type { Proxy } from "../support/proxy.ts";
import type { FieldHost } from "./field.ts";
import type { FaultServer, Servers } from "./servers.ts";

/** One way in which a host or a server gets into trouble: causes it, and ends it after some time. Who was killed is replaced by others. */
export type Trouble<Victim> = (victim: Victim, ms: number) => Promise<void>;

const IN_SYNC_WITHIN_MS = 60_000;

/** Something happens to its wires, and is over after a while. */
const onWires =
  (begin: (wire: Proxy) => void, end: (wire: Proxy) => void): Trouble<FieldHost> =>
  async ({ wires }, ms) => {
    wires.forEach(begin);
    await pause(ms);
    wires.forEach(end);
  };
const flow = (wire: Proxy): void => wire.flow();

export const HOST_TROUBLES: Readonly<Record<string, Trouble<FieldHost>>> = {
  "host killed": (host) => host.kill(),
  "host killed and missed for a while": async (host, ms) => {
    await host.kill();
    await pause(ms / 4);
  },
  "host drained": async (host) => {
    host.signal("SIGTERM");
    await host.ended;
  },
  "host frozen": async (host, ms) => {
    host.signal("SIGSTOP");
    await pause(ms);
    host.signal("SIGCONT");
  },
  "host cut off both ways": onWires((wire) => wire.stall("both"), flow),
  "host unheard": onWires((wire) => wire.stall("requests"), flow),
  "host deaf": onWires((wire) => wire.stall("answers"), flow),
  "host half open": onWires(
    (wire) => wire.swallowAll(),
    (wire) => wire.cut(),
  ),
  "host slow": onWires(
    (wire) => wire.slow({ delayMs: 40, bytesPerSecond: 100_000 }),
    (wire) => wire.slow({}),
  ),
  "connections reset": async ({ wires }) => wires.forEach((wire) => wire.cut()),
};

export const serverTroubles = (servers: Servers): Readonly<Record<string, Trouble<FaultServer>>> => ({
  "server killed": async (server, ms) => {
    await server.kill();
    await pause(ms / 4);
    await server.start();
    await servers.inSync(IN_SYNC_WITHIN_MS);
  },
  "every server killed": async (_server, ms) => {
    await Promise.all(servers.all.map((server) => server.kill()));
    await pause(ms / 4);
    await Promise.all(servers.all.map((server) => server.start()));
    await servers.inSync(IN_SYNC_WITHIN_MS);
  },
  "server frozen": async (server, ms) => {
    server.signal("SIGSTOP");
    await pause(ms / 2);
    server.signal("SIGCONT");
    await servers.inSync(IN_SYNC_WITHIN_MS);
  },
});
