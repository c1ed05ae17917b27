/**
 * Resolves with the first value that is neither `undefined` nor `false`, looking every few milliseconds.
 * @throws when there is none within the deadline, naming what was waited for
 */
export async function eventually<Value>(
  what: string,
  look: () => Value | Promise<Value>,
  withinMs = 5000,
): Promise<Exclude<Value, false | undefined>> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value as Exclude<Value, false | undefined>;
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
