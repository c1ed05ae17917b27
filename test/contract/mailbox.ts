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

    describe("messages", () => messages(() => f));
    describe("credit", () => credit(() => f));
    describe("reading again", () => reopening(() => f));
    describe("two readers", () => superseding(() => f));
    describe("awaits", () => awaiting(() => f));
  });
}
