import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP proxy on the loopback that loses what it is told to lose. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** From now on answers of the server vanish; requests still reach it. What a connection lost it never gets: cut it afterwards. */
  swallowAnswers(): void;
  /** From now on requests vanish too, while the connections stay open: a network that has gone. */
  swallowAll(): void;
  /** Ends every connection as a dying network would, and passes everything on again. */
  cut(): void;
  /** New connections are refused while `false`. */
  accept(accepting: boolean): void;
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>();
  let answers = true;
  let requests = true;
  let accepting = true;
  const server = createServer((client) => {
    if (!accepting) return void client.destroy();
    const upstream = createConnection(targetPort, "127.0.0.1");
    const pair = { client, upstream };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    client
      .setNoDelay(true)
      .on("data", (chunk) => requests && upstream.write(chunk))
      .on("error", end)
      .on("close", end);
    upstream
      .setNoDelay(true)
      .on("data", (chunk) => answers && client.write(chunk))
      .on("error", end)
      .on("close", end);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const { client, upstream } of pairs) {
      client.destroy();
      upstream.destroy();
    }
    pairs.clear();
    answers = true;
    requests = true;
  };
  return {
    port: (server.address() as AddressInfo).port,
    swallowAnswers: () => void (answers = false),
    swallowAll: () => void ((answers = false), (requests = false)),
    cut,
    accept: (value) => void (accepting = value),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
