import { spawn } from "node:child_process";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";

/** As much of a server as a client needs to be connected; later one that takes connections and says nothing. */
async function startFake(): Promise<{ readonly port: number; fallSilent(): void } & AsyncDisposable> {
  const info = { server_id: "X", version: "2.15.1", headers: true, max_payload: 1_048_576, proto: 1 };
  const sockets = new Set<Socket>();
  let speaks = true;
  const fake = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    if (!speaks) return;
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (chunk) => chunk.includes("PING") && socket.write("PONG\r\n"));
  });
  await new Promise<void>((resolve) => void fake.listen(0, "127.0.0.1", resolve));
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (fake.address() as AddressInfo).port,
    fallSilent: () => ((speaks = false), end()),
    async [Symbol.asyncDispose]() {
      end();
      await new Promise((resolve) => fake.close(resolve));
    },
  };
}

it("a client that is closed lets its process end, also while it dials a server that says nothing", async () => {
  await using fake = await startFake();
  const program = `
    import { connect } from ${JSON.stringify(new URL("../../dist/src/index.js", import.meta.url).href)};
    const client = await connect({ nats: { servers: process.argv[1], context: false } });
    client.onConnection((state) => state.state === "reconnecting" && state.tries === 1 && setTimeout(() => client.close(), 100));
    console.log("open");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, `127.0.0.1:${fake.port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await eventually("it is open", () => said.includes("open"), 20_000);
  fake.fallSilent();
  await new Promise((resolve) => child.on("exit", resolve));
  expect(child.exitCode).toBe(0);
});
