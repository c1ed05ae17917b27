/** Time and chance, so that tests and the simulation can own both. Adapters: memory (virtual), runtime (the real ones). */
export interface Clock {
  /** Epoch milliseconds; may jump. */
  now(): number;
  /** Milliseconds that only ever rise; for leases and timeouts. */
  monotonic(): number;
  /** Runs `action` once after `delayMs` unless cancelled. Never keeps a process alive by itself. */
  after(delayMs: number, action: () => void): Alarm;
  /** Runs `action` after what is happening now has finished: work that arrived together is handled together. */
  soon(action: () => void): void;
}

export interface Alarm {
  cancel(): void;
}
