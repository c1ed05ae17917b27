import { afterEach, beforeEach, describe } from "vitest";
import { credit } from "./credit.ts";
import type { MailboxFixture } from "./fixture.ts";
import { awaiting, messages } from "./messages.ts";
import { reopening, superseding } from "./reading.ts";

/** The contract of src/ports/mailbox.ts. */
export function mailboxContract(name: string, open: () => Promise<MailboxFixture>): void {
  describe(`mailbox: ${name}`, () => {
    let f: MailboxFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("messages", () => void messages(() => f));
    describe("credit", () => void credit(() => f));
    describe("reading again", () => void reopening(() => f));
    describe("two readers", () => void superseding(() => f));
    describe("awaits", () => void awaiting(() => f));
  });
}
