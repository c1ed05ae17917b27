import type { Address, Lane } from "../core/address.ts";

/**
 * Where an actor's input comes from. A source is one ordered stream of deliveries of one partition: the lanes of the way in
 * (`in.*`) and those of the mail that actors send each other (`mail.*`). The names are stored in records as the keys of marks.
 */
export const SOURCES = ["in.high", "in.normal", "in.low", "in.event", "mail.start", "mail.event"] as const;
export type Source = (typeof SOURCES)[number];

/**
 * Adapters: memory, nats. Contract: test/contract/mailbox.ts.
 */
export interface Mailbox {
  /**
   * Starts (or starts again) reading a source: everything that is stored comes, in order, what was acknowledged included until the store
   * has forgotten it (records know what they have absorbed). Deliveries reach `receive` in strictly rising sequence between two calls of `rewound`. The adapter rewinds by itself
   * whenever it cannot be sure that no delivery was missed (a reconnect, a gap) and says so with `rewound` *before* the first
   * delivery that comes again; deliveries from before are void then, and their acknowledgements have no effect. What was wanted
   * stays wanted.
   * Two readers of one source take deliveries from each other and rewind in turns: only the owner of the partition may read.
   * @throws no_answer, no_connection, not_provisioned
   */
  open(partition: number, source: Source, reader: Reader): Promise<Inlet>;

  /**
   * Whether a start of this actor is on its way in: stored, and not forgotten yet. For a few seconds that is so of one that is over.
   * @throws no_answer, no_connection
   */
  awaits(address: Address): Promise<boolean>;
}

export interface Reader {
  receive(delivery: Delivery): void;
  rewound(): void;
}

export interface Inlet {
  /**
   * How many more deliveries the reader wants now. The adapter delivers no more than the sum of what was asked; asking again
   * before they have come adds nothing beyond the larger of the two. Zero stops.
   */
  want(count: number): void;
  /** No delivery follows, and acknowledgements have no effect any more. */
  close(): Promise<void>;
}

/** One message as it was delivered. Made by adapters only; the body and headers must not be changed. */
export interface Delivery {
  readonly partition: number;
  readonly source: Source;
  /** The lane it was sent on; differs from the source's for `mail.start`. */
  readonly lane: Lane;
  readonly type: string;
  readonly id: string;
  /** Position in the source: unique and rising within it, for ever. */
  readonly sequence: number;
  /** When the server stored it, epoch ms: delays count from here, and deadlines are judged by it. */
  readonly sentAt: number;
  readonly body: Uint8Array;
  /** A header's value, or "" where it is absent. */
  header(name: string): string;
  /** Fire and forget; only after everything that the message caused is committed. */
  acknowledge(): void;
}
