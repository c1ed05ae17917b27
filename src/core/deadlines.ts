/** How long things may take where nothing else is said, in ms. The README repeats the table, and a test keeps the two equal. */
export const DEADLINES = {
  /** The first connection (`connectTimeoutMs`). Later ones are tried for ever. */
  connectMs: 10_000,
  /**
   * Between two signs of life (`pingIntervalMs`); with two of them out, the next one that is due ends the connection. Three are less than
   * a message has, so that it outlasts a connection that is dead.
   */
  pingMs: 1_500,
  /** A message on its way in: start, submit, send, cancel, retry (`sendTimeout`). */
  sendMs: 5_000,
  /** At most, whatever is said: the stream knows a message's id for two minutes, and an ended actor's record stays for one. */
  sendAtMostMs: 60_000,
  /** Everything else that is asked and answered (`callTimeout`); of a list each page. */
  callMs: 5_000,
  /** How long a wait for something to happen outlasts that nothing can be read (`outageTimeout`). */
  outageMs: 300_000,
  /** How long `close` waits for cancels that are on their way. */
  closeMs: 1_000,
} as const;
