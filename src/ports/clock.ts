/** Time and chance, so that tests and the simulation can own both. Adapters: memory (virtual), runtime (the real ones). */
export interface Clock {
  /** Epoch milliseconds; may jump. Of a host on a real server: the server's, so that what one host sets another keeps. */
  now(): number;
  /** Milliseconds that only ever rise; for leases and for rests. Time that a virtual clock leaps over does not count. */
  monotonic(): number;
  /** Runs `action` once after `delayMs` unless cancelled. Never keeps a process alive by itself. */
  after(delayMs: number, action: () => void): Alarm;
  /**
   * Runs `action` again and again, `everyMs` apart, until cancelled: housekeeping that does nothing where nothing has happened. A
   * virtual clock may leap over it.
   */
  every(everyMs: number, action: () => void): Alarm;
  /** Runs `action` after what is happening now has finished: work that arrived together is handled together. */
  soon(action: () => void): void;
}

export interface Alarm {
  cancel(): void;
}
