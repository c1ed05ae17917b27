import { expect, it } from "vitest";
import type { Ticket } from "../../src/core/permit.ts";
import type { Store, TicketChange, Write } from "../../src/ports/store.ts";
import { bytes, take, text, under, type StoreFixture } from "./fixture.ts";

const COMMITTED = { kind: "committed" };

function ticket(partition: number, stand: Ticket["stand"], id: string, name: string, body = name, type = "job"): Write {
  return { kind: "ticket", partition, address: { type, id }, ticket: { stand, name }, bytes: bytes(body) };
}

function back(partition: number, stand: Ticket["stand"], id: string, name: string): Write {
  return { kind: "cancelTicket", partition, address: { type: "job", id }, ticket: { stand, name } };
}

/** What a follower hears, each as `+<stand> <id> <name> <body>` or `-<stand> <id> <name>`. */
function follow(store: Store, type = "job") {
  const heard: string[] = [];
  const said = ({ id, ticket: { stand, name }, bytes: body }: TicketChange): string =>
    body === undefined ? `-${stand} ${id} ${name}` : `+${stand} ${id} ${name} ${text(body)}`;
  const following = store.follow(type, { heard: (change) => heard.push(said(change)), broken: () => heard.push("broken") });
  return { heard, close: () => following.close() };
}

export function tickets(fixture: () => StoreFixture): void {
  it("tells whoever follows what is stored of the type, in that order, then every change, once", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    const other = ticket(0, "wait", "x", "1", "other", "other-job");
    await f.a.store.commit(under(0, fence, ticket(0, "wait", "x", "1-1"), other, ticket(0, "wait", "y", "1-2", "why")));
    await f.a.store.commit(under(0, fence, ticket(0, "permit", "x", "1-1")));
    const { heard, close } = follow(f.b.store);
    await f.until(() => heard.length >= 3);
    expect(heard.splice(0)).toEqual(["+wait x 1-1 1-1", "+wait y 1-2 why", "+permit x 1-1 1-1"]);
    expect(await f.a.store.commit(under(0, fence, back(0, "wait", "x", "1-1"), ticket(0, "wait", "z", "2")))).toEqual(COMMITTED);
    expect(await f.a.store.commit(under(0, fence, back(0, "permit", "x", "1-1")))).toEqual(COMMITTED);
    await f.until(() => heard.length >= 3);
    expect(heard).toEqual(["-wait x 1-1", "+wait z 2 2", "-permit x 1-1"]);
    close();
  });

  it("tells nothing of what was taken back before, or only that", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, ticket(0, "wait", "x", "1"), ticket(0, "wait", "y", "1")));
    await f.a.store.commit(under(0, fence, back(0, "wait", "x", "1")));
    const { heard, close } = follow(f.a.store);
    await f.until(() => heard.includes("+wait y 1 1"));
    await f.quiet();
    expect(heard.filter((each) => each.startsWith("+"))).toEqual(["+wait y 1 1"]);
    close();
  });

  it("has a newer ticket in the place of an older one, behind all that was stored meanwhile", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, ticket(0, "gate", "gate", "newest", "a")));
    await f.a.store.commit(under(0, fence, ticket(0, "permit", "x", "1")));
    await f.a.store.commit(under(0, fence, ticket(0, "gate", "gate", "newest", "b")));
    const { heard, close } = follow(f.b.store);
    await f.until(() => heard.length >= 2);
    expect(heard).toEqual(["+permit x 1 1", "+gate gate newest b"]);
    close();
  });

  it("is written under a fence like everything else: a stale gate gives nothing", async () => {
    const f = fixture();
    const stale = await take(f.a, 0);
    const fence = await take(f.b, 0);
    const { heard, close } = follow(f.a.store);
    expect(await f.a.store.commit(under(0, stale, ticket(0, "permit", "x", "1")))).toEqual({ kind: "conflict", lost: [0] });
    await f.b.store.commit(under(0, fence, ticket(0, "permit", "y", "2")));
    await f.until(() => heard.length >= 1);
    expect(heard).toEqual(["+permit y 2 2"]);
    close();
  });

  it("tells thousands, and nothing once it is closed", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    const all = Array.from({ length: 4_000 }, (_, n) => ticket(0, "wait", `id-${n}`, "1"));
    for (let from = 0; from < all.length; from += 800) {
      expect(await f.a.store.commit(under(0, fence, ...all.slice(from, from + 800)))).toEqual(COMMITTED);
    }
    const { heard, close } = follow(f.b.store);
    await f.until(() => heard.length >= all.length);
    expect(heard).toEqual(all.map((_, n) => `+wait id-${n} 1 1`));
    close();
    await f.a.store.commit(under(0, fence, ticket(0, "wait", "late", "1")));
    await f.quiet();
    expect(heard).toHaveLength(all.length);
  });
}
