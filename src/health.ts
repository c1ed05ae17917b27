import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { TroupeError } from "./core/errors.ts";

/** Where a host answers those who watch over processes. */
export interface HealthOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default: 127.0.0.1. Orchestrators that probe from outside need 0.0.0.0; nothing secret is told, and nothing can be changed. */
  readonly address?: string;
}

/**
 * Whether a host can take up work now. `joining`, `draining` and `left` are its own doing; `untrusted`: its signs of life are not
 * stored, so that its partitions may become another's; `unanswered`: JetStream did not answer a read from the leader of CORE in time.
 */
export type Readiness =
  | { readonly kind: "ready"; readonly host: string; readonly roundTripMs: number }
  | {
      readonly kind: "joining" | "draining" | "left" | "untrusted" | "unanswered";
      readonly host: string | undefined;
      readonly message: string;
    };

/**
 * The endpoint: `GET /livez` is answered as long as the event loop turns, `GET /readyz` with 200 or 503 and a `Readiness` as JSON.
 *
 * Owns: the HTTP server. Calls in: create-host.ts. Calls out: `look`, at most one at a time: probes that come meanwhile share its answer.
 */
export class HealthEndpoint {
  readonly #server: Server;
  readonly #look: () => Promise<Readiness>;
  #looking: Promise<Readiness> | undefined;

  private constructor(look: () => Promise<Readiness>) {
    this.#look = look;
    this.#server = createServer((request, response) => void this.#answer(request, response)).unref();
  }

  /** @throws bad_options where the port cannot be had */
  static async open({ port, address = "127.0.0.1" }: HealthOptions, look: () => Promise<Readiness>): Promise<HealthEndpoint> {
    const endpoint = new HealthEndpoint(look);
    try {
      await once(endpoint.#server.listen(port, address), "listening");
    } catch (cause) {
      throw new TroupeError("bad_options", `Health cannot be told on ${address}:${port}: ${(cause as Error).message}`, {
        faults: [{ path: "health.port", message: (cause as Error).message }],
        cause,
      });
    }
    return endpoint;
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer({ method, url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = url.split("?", 1)[0];
    if (method !== "GET" && method !== "HEAD") return write(response, 405, { error: "only GET and HEAD" });
    if (path === "/livez") return write(response, 200, { kind: "alive" });
    if (path !== "/readyz") return write(response, 404, { error: "only /livez and /readyz" });
    const readiness = await (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
    return write(response, readiness.kind === "ready" ? 200 : 503, readiness);
  }
}

function write(response: ServerResponse, status: number, body: object): void {
  // What was true a moment ago is of no use.
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(`${JSON.stringify(body)}\n`);
}
