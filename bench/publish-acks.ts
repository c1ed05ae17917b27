/** Reads what JetStream answers to a publish, as cheaply as it can be done. */
import type { Msg } from "@nats-io/transport-node";

const openingBrace = 0x7b;
const letterS = 0x73;

/**
 * Throws unless the message is a positive PubAck. A positive one begins `{"stream":`, an error `{"error":` or
 * `{"type":`, and 'no responders' is empty, so three bytes decide and nothing is parsed.
 */
export function checkPublishAck(ack: Msg): void {
  const { data } = ack;
  if (data[0] === openingBrace && data[2] === letterS) return;
  throw new Error(`publish refused: ${ack.headers?.status ?? ""} ${ack.string()}`);
}
