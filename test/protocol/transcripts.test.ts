import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPage } from "../docs/page.ts";
import { NatsSocket } from "../support/socket.ts";
import { openStand, type Stand } from "./stand.ts";
import { play, readTranscript } from "./transcript.ts";

/** The README's protocol page, played in its own order over one bare socket. */
describe("the protocol page", () => {
  const blocks = readPage("README.md").blocks.filter(({ language }) => language === "nats");
  let stand: Stand;
  let socket: NatsSocket;

  beforeAll(async () => {
    stand = await openStand();
    socket = await NatsSocket.open(stand.port);
  });
  afterAll(async () => {
    socket[Symbol.dispose]();
    await stand.close();
  });

  it("has examples", () => {
    expect(blocks.length).toBeGreaterThan(5);
  });

  it.each(blocks.map((block) => [block.line, block] as const))("is true at line %i", async (_line, block) => {
    await play(socket, readTranscript(block.text), (came, pattern) => expect(came).toMatch(pattern));
  });
});
