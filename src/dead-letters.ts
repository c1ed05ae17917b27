import { isLane, type Address } from "./core/address.ts";
import { HEADERS } from "./core/envelope.ts";
import { TroupeError, type Fault } from "./core/errors.ts";
import type { Gateway, StoredDeadLetter } from "./ports/gateway.ts";
import { textOf, type Fields } from "./verb-body.ts";

const MOST_LISTED = 1_000;

/** The oldest of those that fit, and whether there are more. */
export async function deadLetters(gateway: Gateway, fields: Fields): Promise<unknown> {
  const type = textOf(fields, "type");
  const id = textOf(fields, "id");
  const letters = [];
  for await (const letter of gateway.deadLetters({ ...(type === undefined ? {} : { type }), ...(id === undefined ? {} : { id }) })) {
    if (letters.length >= MOST_LISTED) return { letters, more: true };
    letters.push(describe(letter));
  }
  return { letters, more: false };
}

function describe(letter: StoredDeadLetter) {
  const { address, name, body, at } = letter;
  return { ...address, name, lane: letter.header(HEADERS.origin), at, ...reasonOf(letter), body: Buffer.from(body).toString("utf8") };
}

function reasonOf(letter: StoredDeadLetter): { readonly code?: string; readonly message?: string; readonly faults?: readonly Fault[] } {
  return JSON.parse(letter.header(HEADERS.reason) || "{}") as ReturnType<typeof reasonOf>;
}

/** The letter once more the way it came, and its copy removed: should that fail, it is a duplicate start or event. */
export async function replay(gateway: Gateway, address: Address, name: string): Promise<unknown> {
  for await (const letter of gateway.deadLetters(address)) {
    if (letter.name !== name) continue;
    const lane = letter.header(HEADERS.origin);
    if (reasonOf(letter).code === "bad_address")
      throw new TroupeError("bad_address", `The dead letter ${name} was sent to an address that is too long; discard it`, {
        about: `${address.type}/${address.id}`,
      });
    const kept = [HEADERS.contentType, HEADERS.delay, HEADERS.replyTo].flatMap((each) =>
      letter.header(each) === "" ? [] : [[each, letter.header(each)] as const],
    );
    if (!isLane(lane)) throw new TroupeError("unknown_lane", `The dead letter ${name} of ${address.type}/${address.id} names no lane`);
    await gateway.send(lane, address, letter.body, Object.fromEntries(kept));
    return { replayed: true, discarded: await gateway.discard(address, name) };
  }
  throw new TroupeError("unknown_id", `There is no dead letter ${name} of ${address.type}/${address.id}`, {
    about: `${address.type}/${address.id}`,
  });
}
