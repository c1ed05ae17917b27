import { expect, test } from "vitest";
import { formatAddress } from "../../src/core/address.ts";
import { Stand } from "./stage.ts";

test("mail that comes again after a rewind is not forgotten before it has come", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const stand = new Stand({ partitions: 1, maxLatencyMs: 800, seed });
    const first = await stand.open();
    // One timer's mail is still being handled (its work runs), a later one's was handled already.
    stand.start("rerun", "slow", { ms: 7_000 }, { headers: { "Troupe-Delay": "4000" } });
    stand.start("rerun", "fast", undefined, { headers: { "Troupe-Delay": "4001" } });
    await stand.until(() => stand.state("rerun", "fast") === "done" && stand.state("rerun", "slow") === "doing", 30_000);
    for (let i = 0; i < 4; i++) {
      stand.world.rewind(0, "mail.event");
      await stand.advance(300);
    }
    await stand.advance(2_000);
    console.log(seed, stand.world.messages(0,"mail.event").map((m)=>m.id+m.sequence), stand.stepsOf("forgotten").map((f)=>f.throughSequence), stand.state("rerun","slow"));
    first.kill();
    await stand.open();
    await stand.advance(30_000);
    expect(stand.state("rerun", "slow"), `seed ${seed}: its mail was forgotten while it was under way`).toBe("done");
  }
});
