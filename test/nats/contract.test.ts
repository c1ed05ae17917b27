import { afterAll, beforeAll } from "vitest";
import { leasesContract } from "../contract/leases.ts";
import { mailboxContract } from "../contract/mailbox.ts";
import { storeContract } from "../contract/store.ts";
import { workContract } from "../contract/work.ts";
import { openFixture } from "./fixture.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

storeContract("JetStream", () => openFixture(rig));
mailboxContract("JetStream", () => openFixture(rig));
leasesContract("JetStream", () => openFixture(rig));
workContract("JetStream", () => openFixture(rig));
