import type { Lane } from "../core/address.ts";
import type { Delivery, Source } from "../ports/mailbox.ts";
import type { Write } from "../ports/store.ts";
import type { MailBody, MailLetter } from "./mail-letter.ts";

/** From actor to actor. */
export interface Mail extends Extract<Write, { kind: "mail" }> {
  readonly letter: MailLetter;
}

/** After every place in a source: what was never stored is nowhere absorbed, and leaves no mark. */
export const NEVER_STORED = Infinity;

/** Mail that is heard before it would have been stored, and so never is. Nobody delivers it again: its acknowledgement says nothing. */
export class NearDelivery implements Delivery {
  readonly partition: number;
  readonly source: Source;
  readonly lane: Lane;
  readonly type: string;
  readonly id: string;
  readonly sequence = NEVER_STORED;
  readonly sentAt: number;
  /** Whoever sent it had heard of an end of work that is not stored yet. */
  readonly followsEnd: boolean;
  readonly #letter: MailLetter;
  /** Its target could not take it: it goes the usual way, where that has its consequences. */
  isRefused = false;

  constructor({ partition, lane, to, letter }: Mail, sentAt: number, followsEnd: boolean) {
    this.partition = partition;
    this.source = lane === "event" ? "mail.event" : "mail.start";
    this.lane = lane;
    this.type = to.type;
    this.id = to.id;
    this.sentAt = sentAt;
    this.followsEnd = followsEnd;
    this.#letter = letter;
  }

  get body(): Uint8Array {
    return this.#letter.body;
  }

  read(): MailBody {
    return this.#letter.read();
  }

  header(name: string): string {
    return this.#letter.headers[name] ?? "";
  }

  acknowledge(): void {}
}
