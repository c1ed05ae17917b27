import { leasesContract } from "../contract/leases.ts";
import { mailboxContract } from "../contract/mailbox.ts";
import { storeContract } from "../contract/store.ts";
import { openFixture } from "../nats/fixture.ts";
import { rig } from "./attended.ts";

storeContract("three copies", () => openFixture(rig));
mailboxContract("three copies", () => openFixture(rig));
leasesContract("three copies", () => openFixture(rig));
