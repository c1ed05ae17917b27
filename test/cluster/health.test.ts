import { expect, it } from "vitest";
import { troupe, type Ran } from "../cli/command-line.ts";
import { eventually } from "../support/eventually.ts";
import { cluster, rig } from "./attended.ts";

/** What whoever restarts servers one by one waits for. */
it("troupe health tells copies that lag from streams that nobody leads", { timeout: 90_000 }, async () => {
  const { layout, names } = await rig.system();
  const health = (): Promise<Ran> => troupe(["health", "-s", cluster.url, "--namespace", layout.namespace, "-o", "json"]);
  const coreIn = ({ stdout }: Ran): unknown =>
    (JSON.parse(stdout) as { readonly stream: string }[]).find(({ stream }) => stream === names.streams.core);
  const until = (code: number): Promise<Ran> =>
    eventually(
      `it ends with ${code}`,
      async () => {
        const ran = await health();
        return ran.code === code && ran;
      },
      30_000,
    );

  expect(coreIn(await until(0))).toMatchObject({ copies: 3, inSync: 3, leader: expect.stringMatching(/^nats-[123]$/) });
  const [first, second] = cluster.servers;
  await second.kill();
  // The meta leader may have gone first, and other streams notice before CORE does.
  await eventually("CORE lacks a copy", async () => (coreIn(await until(8)) as { readonly inSync?: number }).inSync === 2, 30_000);
  await second.start();
  await until(0);
  await Promise.all([first.kill(), second.kill()]);
  // Who still believes in its leadership says so for some seconds longer.
  expect(JSON.parse((await until(6)).stdout)).toContainEqual(expect.objectContaining({ copies: 0, inSync: 0 }));
});
