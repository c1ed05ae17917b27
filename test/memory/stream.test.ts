import { assert, describe, expect, it } from "vitest";
import { SourceStream, type Message, type Subscriber } from "../../src/memory/stream.ts";

/** A far side that keeps what it was sent, in its newest reading. */
class Far implements Subscriber {
  readonly connection: object;
  isGone = false;
  reading = 0;
  rewinds = 0;
  got: number[] = [];

  constructor(connection: object) {
    this.connection = connection;
  }

  begin(reading: number, isRewind: boolean): void {
    this.reading = reading;
    this.rewinds += isRewind ? 1 : 0;
    this.got = [];
  }

  send(message: Message, reading: number): void {
    assert(reading === this.reading, `sent in reading ${reading}`);
    this.got.push(message.sequence);
  }
}

function filled(count: number): SourceStream {
  const stream = new SourceStream();
  for (let sequence = 1; sequence <= count; sequence++)
    stream.append({ sequence, sentAt: 0, lane: "event", type: "t", id: "i", body: new Uint8Array(0), headers: {} });
  return stream;
}

const A = { name: "a" };
const B = { name: "b" };

describe("source stream", () => {
  it("sends no more than was allowed in a reading, in total", () => {
    const stream = filled(10);
    const far = new Far(A);
    stream.open(far);
    stream.allow(far.reading, 3);
    stream.allow(far.reading, 3);
    expect(far.got).toEqual([1, 2, 3]);
    stream.allow(far.reading, 5);
    expect(far.got).toEqual([1, 2, 3, 4, 5]);
    stream.allow(far.reading - 1, 9);
    expect(far.got).toHaveLength(5);
  });

  it("does not heed an acknowledgement of the same connection's older reading, even of what is pending again", () => {
    const stream = filled(2);
    const far = new Far(A);
    stream.open(far);
    const { reading } = far;
    stream.allow(reading, 2);
    stream.rewind();
    stream.allow(far.reading, 2);
    expect(stream.acknowledge(A, reading, 1)).toBe(false);
    expect(stream.acknowledge(A, far.reading, 1)).toBe(true);
    expect(stream.acknowledge(A, far.reading, 1)).toBe(false);
  });

  it("heeds a stale connection's acknowledgement of what is pending with the new one, and of nothing else", () => {
    const stream = filled(3);
    const [old, far] = [new Far(A), new Far(B)];
    stream.open(old);
    stream.allow(old.reading, 3);
    const { reading } = old;
    stream.open(far);
    stream.allow(far.reading, 1);
    expect(stream.acknowledge(A, reading, 2)).toBe(false);
    expect(stream.acknowledge(A, reading, 1)).toBe(true);
    expect(stream.unacknowledged().map((message) => message.sequence)).toEqual([2, 3]);
  });

  it("begins again with the first that is not forgotten, whatever was acknowledged", () => {
    const stream = filled(4);
    const far = new Far(A);
    stream.open(far);
    stream.allow(far.reading, 4);
    for (const sequence of [1, 3]) stream.acknowledge(A, far.reading, sequence);
    expect(stream.unacknowledged().map((message) => message.sequence)).toEqual([2, 4]);
    stream.forget(1);
    stream.rewind();
    stream.allow(far.reading, 4);
    expect([far.got, far.rewinds, stream.size]).toEqual([[2, 3, 4], 1, 3]);
  });

  it("lets a superseded reader wait, and reads with it again when the newer one has gone", () => {
    const stream = filled(2);
    const [old, far] = [new Far(A), new Far(B)];
    stream.open(old);
    stream.open(far);
    stream.allow(old.reading, 9);
    stream.allow(far.reading, 9);
    expect([old.got, far.got]).toEqual([[], [1, 2]]);
    stream.detach(B);
    stream.allow(old.reading, 9);
    expect([old.got, old.rewinds]).toEqual([[1, 2], 1]);
  });

  it("lets nobody read who has gone when the request arrives", () => {
    const stream = filled(2);
    const [ghost, far] = [new Far(A), new Far(B)];
    ghost.isGone = true;
    stream.open(ghost);
    stream.open(far);
    stream.allow(far.reading, 9);
    stream.open(ghost);
    expect(far.rewinds, "its reset was heeded all the same").toBe(1);
    stream.allow(far.reading, 9);
    stream.detach(B);
    stream.resume(ghost);
    stream.resume(far);
    stream.resume(far);
    stream.allow(far.reading, 9);
    expect([ghost.got, far.got]).toEqual([[], [1, 2]]);
    stream.detach(B);
    expect(far.got).toEqual([1, 2]);
  });

  it("keeps its place over thousands of messages", () => {
    const stream = filled(10_000);
    const far = new Far(A);
    stream.open(far);
    const everything: number[] = [];
    for (let round = 0; round < 100 && everything.length < 10_000; round++) {
      stream.allow(far.reading, far.got.length + 700);
      if (round % 3 === 1) {
        stream.rewind();
        continue;
      }
      for (const sequence of far.got.slice(-700)) if (stream.acknowledge(A, far.reading, sequence)) everything.push(sequence);
      stream.forget(everything.at(-1) ?? 0);
    }
    expect(everything).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1));
    expect(stream.size).toBe(0);
  });

  it("forgets through a sequence, delivered or not", () => {
    const stream = filled(5);
    stream.forget(3);
    const far = new Far(A);
    stream.open(far);
    stream.allow(far.reading, 9);
    expect(far.got).toEqual([4, 5]);
    stream.forget(0);
    stream.forget(99);
    expect(stream.size).toBe(0);
  });
});
