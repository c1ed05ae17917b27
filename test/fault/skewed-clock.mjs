// Loaded into a host before anything else (`node --import`): its time of day is off by TROUPE_FAULT_SKEW_MS, as on a machine whose clock
// nobody sets. Its monotonic clock runs as it should: `performance.now` and timers stay.
const skewMs = Number(process.env.TROUPE_FAULT_SKEW_MS ?? 0);
const Real = globalThis.Date;
const now = () => Real.now() + skewMs;

globalThis.Date = class Date extends Real {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }

  static now() {
    return now();
  }
};
