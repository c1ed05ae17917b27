import { expect, test } from "vitest";
import { Turnover } from "../../src/runtime/turnover.ts";

/** An event loop of which a test says how long each turn takes. */
class Loop {
  ms = 0;
  readonly turnover = new Turnover({
    now: () => this.ms,
    monotonic: () => this.ms,
    soon: (action) => void this.#soon.push(action),
    after: () => ({ cancel() {} }),
    every: () => ({ cancel() {} }),
  });
  #soon: (() => void)[] = [];

  /** The look begins. */
  constructor() {
    void this.isSlow;
  }

  get isSlow(): boolean {
    return this.turnover.slowInMs === 0;
  }

  /** What happens in one turn: what is asked for soon comes after it. */
  turn(ms: number, happens: () => void = () => {}): void {
    happens();
    this.ms += ms;
    const soon = this.#soon;
    this.#soon = [];
    for (const action of soon) action();
  }

  /** Turns in which nothing happens. */
  idle(ms: number): void {
    for (let n = 0; n < ms; n++) this.turn(1);
  }

  begin(count: number): readonly number[] {
    return Array.from({ length: count }, () => this.turnover.began());
  }

  end(gusts: readonly number[]): void {
    for (const gust of gusts) this.turnover.ended(gust);
  }
}

test("nothing is said before the work was looked at for a while", () => {
  const loop = new Loop();
  loop.begin(3);
  loop.idle(15);
  expect(loop.turnover.slowInMs).toBe(10);
});

test("work that has not ended yet is slow", () => {
  const loop = new Loop();
  loop.begin(3);
  loop.idle(30);
  expect(loop.isSlow).toBe(true);
});

test("work that began before anybody looked counts from then on", () => {
  const loop = new Loop();
  loop.idle(600);
  const begun = loop.begin(3);
  loop.idle(600);
  expect(loop.turnover.slowInMs).toBe(25);
  loop.idle(30);
  expect(loop.isSlow).toBe(true);
  loop.end(begun);
  loop.idle(600);
  expect(loop.turnover.slowInMs).toBe(25);
  loop.idle(30);
  expect(loop.isSlow).toBe(false);
});

test("slots that are held for something else than user code are not slow", () => {
  const loop = new Loop();
  for (let n = 0; n < 5; n++) {
    loop.idle(20);
    loop.turn(0, () => loop.end(loop.begin(2)));
  }
  expect(loop.isSlow).toBe(false);
});

test.each([
  { each: 9, is: false },
  { each: 11, is: true },
])("work of which each takes the only core for $each ms: slow is $is", ({ each, is }) => {
  const loop = new Loop();
  for (let n = 0; n < 4; n++) {
    const gusts = loop.begin(2);
    loop.turn(2 * each, () => {});
    loop.end(gusts);
    loop.idle(3);
  }
  expect(loop.isSlow).toBe(is);
});

test("a hundred that begin in one gust have not each taken as long as all of them", () => {
  const loop = new Loop();
  let gusts: readonly number[] = [];
  loop.turn(30, () => (gusts = loop.begin(100)));
  expect(loop.isSlow).toBe(false);
  loop.turn(30, () => loop.end(gusts));
  expect(loop.isSlow).toBe(false);
});

test("what is heard late, because the loop is busy, has not taken as long as that", () => {
  const loop = new Loop();
  for (let n = 0; n < 2; n++) {
    const gusts = loop.begin(20);
    loop.turn(80);
    loop.turn(80, () => loop.end(gusts));
    loop.turn(80);
  }
  expect(loop.isSlow).toBe(false);
});

test("work that has become quick is judged by what came last", () => {
  const loop = new Loop();
  const gusts = loop.begin(10);
  loop.idle(200);
  expect(loop.isSlow).toBe(true);
  loop.end(gusts);
  for (let n = 0; n < 1_000; n++) {
    loop.turn(1, () => loop.end(loop.begin(1)));
    if (n % 100 === 0) void loop.isSlow;
  }
  expect(loop.isSlow).toBe(false);
});
