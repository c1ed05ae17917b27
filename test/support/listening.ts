/** One message as it came over the wire. Header names keep the case in which they were sent. */
export interface WireMessage {
  readonly subject: string;
  readonly sid: string;
  readonly reply: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The number in the header block's first line: `NATS/1.0 503`. */
  readonly status: string;
  readonly body: Buffer;
  readonly text: string;
  /** The body, for a caller that knows what it says. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  json<Value>(): Value;
}

/** What a subscription has heard, one at a time. */
export interface Listening {
  next(withinMs?: number): Promise<WireMessage>;
  /** Reads on until one fits. */
  find(fits: (message: WireMessage) => boolean, withinMs?: number): Promise<WireMessage>;
}

export const DEADLINE_MS = 10_000;

export class MessageQueue implements Listening {
  readonly #what: string;
  readonly #messages: WireMessage[] = [];
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(what: string, failure: Error | undefined) {
    this.#what = what;
    this.#failure = failure;
  }

  add(message: WireMessage): void {
    this.#messages.push(message);
    this.#wake();
  }

  fail(failure: Error): void {
    this.#failure = failure;
    this.#wake();
  }

  async next(withinMs = DEADLINE_MS): Promise<WireMessage> {
    await within(this.#what, withinMs, (resolve) => {
      this.#wake = () => (this.#messages.length > 0 || this.#failure !== undefined) && resolve();
      this.#wake();
    });
    const message = this.#messages.shift();
    if (message === undefined) throw this.#failure ?? new Error(`${this.#what}: nothing`);
    return message;
  }

  async find(fits: (message: WireMessage) => boolean, withinMs = DEADLINE_MS): Promise<WireMessage> {
    const giveUpAt = performance.now() + withinMs;
    for (;;) {
      const message = await this.next(Math.max(0, giveUpAt - performance.now()));
      if (fits(message)) return message;
    }
  }
}

/** @throws when it has not come to pass within the deadline, naming what was waited for */
export async function within(
  what: string,
  deadlineMs: number,
  work: (resolve: () => void, reject: (error: Error) => void) => void,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs);
      work(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
  }
}
