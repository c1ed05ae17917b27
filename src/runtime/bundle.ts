import { encodeMsgpack, MSGPACK } from "../core/codec.ts";
import { formatAddress } from "../core/address.ts";
import { HEADERS } from "../core/envelope.ts";
import type { Write } from "../ports/store.ts";

type Mail = Extract<Write, { kind: "mail" }>;

const MOST_BYTES_TOGETHER = 65_536;

/**
 * The writes of a commit with the last words of several senders to one actor in one message: what a hundred children say of their end
 * costs their parent one delivery. Whoever has spoken its last word says nothing that could be overtaken; every other write stays
 * what and where it was. Read by decode.ts.
 */
export function bundled(writes: readonly Write[], mostTogether: number): readonly Write[] {
  const groups = new Map<string, Mail[]>();
  for (const write of writes) {
    if (write.kind !== "mail" || write.isLast !== true) continue;
    const key = formatAddress(write.to);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [write]);
    else group.push(write);
  }
  if (groups.size === 0) return writes;
  const together = [...groups.values()].filter(({ length }) => length > 1);
  if (together.length === 0) return writes;
  const gone = new Set<Write>(together.flat());
  const others = writes.filter((write) => !gone.has(write));
  // After what the same senders said before, and not where JetStream wants a record.
  others.splice(-1, 0, ...together.flatMap((mails) => bundlesOf(mails, mostTogether)));
  return others;
}

function bundlesOf(mails: readonly Mail[], mostTogether: number): readonly Mail[] {
  const bundles: Mail[] = [];
  let some: Mail[] = [];
  let bytes = 0;
  for (const mail of mails) {
    const { length } = mail.letter.body;
    if (some.length >= mostTogether || (some.length > 0 && bytes + length > MOST_BYTES_TOGETHER)) {
      bundles.push(bundleOf(some));
      some = [];
      bytes = 0;
    }
    some.push(mail);
    bytes += length;
  }
  bundles.push(bundleOf(some));
  return bundles;
}

function bundleOf(mails: readonly Mail[]): Mail {
  const first = mails[0] as Mail;
  if (mails.length === 1) return first;
  const body = encodeMsgpack(mails.map(({ letter }) => letter.body));
  return { ...first, letter: { body, headers: { [HEADERS.kind]: "bundle", [HEADERS.contentType]: MSGPACK } } };
}
