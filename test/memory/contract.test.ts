import { leasesContract } from "../contract/leases.ts";
import { mailboxContract } from "../contract/mailbox.ts";
import { storeContract } from "../contract/store.ts";
import { workContract } from "../contract/work.ts";
import { openMemoryFixture } from "./fixture.ts";

/** Several seeds, with and without latency: the contracts hold in every interleaving. */
const WORLDS = [
  { name: "memory", options: {} },
  { name: "memory, another seed, no overlap", options: { seed: 77, singlesOverlap: false } },
  { name: "memory with latency", options: { seed: 5, maxLatencyMs: 20 } },
];

for (const { name, options } of WORLDS) {
  storeContract(name, () => openMemoryFixture(options));
  mailboxContract(name, () => openMemoryFixture(options));
  leasesContract(name, () => openMemoryFixture(options));
  workContract(name, () => openMemoryFixture(options));
}
