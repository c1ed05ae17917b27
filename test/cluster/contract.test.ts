import { afterAll } from "vitest";
import type { Fixture } from "../contract/fixture.ts";
import { leasesContract } from "../contract/leases.ts";
import { mailboxContract } from "../contract/mailbox.ts";
import { storeContract } from "../contract/store.ts";
import { openFixture } from "../nats/fixture.ts";
import { rig } from "./attended.ts";

let next: Promise<Fixture> | undefined;

/**
 * A namespace with three copies takes most of a second to create: the next test's is made while this one's is in use. One that could not
 * be made (10049, seen on a busy machine that was still removing earlier ones) is made again, so that one error is not every test's.
 */
async function open(): Promise<Fixture> {
  const fixture = await (next?.catch(() => openFixture(rig)) ?? openFixture(rig));
  next = openFixture(rig);
  next.catch(() => {}); // whoever wants it hears of it
  return fixture;
}
afterAll(async () => (await next?.catch(() => undefined))?.dispose());

storeContract("three copies", open);
mailboxContract("three copies", open);
leasesContract("three copies", open);
