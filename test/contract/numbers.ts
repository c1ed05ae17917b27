import { addressIn, bytes, type MailboxFixture } from "./fixture.ts";

/** The bodies of what `publishNumbers` sends. */
export const numbers = (from: number, through: number): string[] => Array.from({ length: through - from + 1 }, (_, i) => String(from + i));

/** Events for one actor of partition 0, one after the other. */
export async function publishNumbers(f: MailboxFixture, from: number, through: number): Promise<void> {
  const to = addressIn(0, f.partitions, "x");
  for (const number of numbers(from, through)) await f.publish({ lane: "event", to, body: bytes(number) });
}
