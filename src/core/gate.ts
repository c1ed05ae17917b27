import { START_LANES, type StartLane } from "./address.ts";
import { Fifo } from "./fifo.ts";
import { LaneShare } from "./lane-share.ts";
import { Pacer } from "./pacer.ts";
import type { Limit } from "./run-limits.ts";

/** A task that waits for a permit. */
export interface Waiting {
  /** Tells this wait from every other, of the same task too. */
  readonly place: string;
  readonly id: string;
  readonly name: string;
  readonly lane: StartLane;
  readonly key: string;
}

/** One key's line in one lane: in the round while its turn may come, barred while its own limit keeps it out. */
interface KeyLine {
  readonly key: string;
  readonly waiting: Fifo<Waiting>;
  stance: "round" | "barred";
}

interface LaneLine {
  readonly keys: Map<string, KeyLine>;
  readonly round: Fifo<KeyLine>;
}

/**
 * Who may begin next, of one type: lanes by their share, keys of a lane in turns, tasks of a key by arrival. What it decides depends on
 * what it was told and when, and on nothing else; a decision takes as long with a million that wait as with ten.
 *
 * G1. No more permits are out than a limit allows, and no more are given in any time than a rate allows.
 * G2. Between two permits of one key that could have more, every other key of its lane that waits and may have one gets one.
 */
export class Gate {
  readonly #limit: Limit;
  readonly #perKey: Limit;
  readonly #rate: Pacer | undefined;
  readonly #keyRate: Pacer | undefined;
  readonly #waiting = new Map<string, Waiting>();
  readonly #out = new Map<string, string>();
  readonly #outOfKey = new Map<string, number>();
  readonly #lanes: Readonly<Record<StartLane, LaneLine>> = { high: newLane(), normal: newLane(), low: newLane() };
  readonly #share = new LaneShare();
  /** Keys that their rate keeps out, and until when. */
  readonly #pausing = new Map<string, number>();
  #nextPauseEndsAtMs = Infinity;
  #nextAtMs: number | undefined;

  /** @param nowMs by a clock that only ever rises, like every other moment here */
  constructor(limit: Limit, perKey: Limit = {}, nowMs = 0) {
    this.#limit = limit;
    this.#perKey = perKey;
    if (limit.perSecond !== undefined) this.#rate = new Pacer(limit.perSecond, nowMs);
    if (perKey.perSecond !== undefined) this.#keyRate = new Pacer(perKey.perSecond, nowMs);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get out(): number {
    return this.#out.size;
  }

  /** In the order in which they came. One that has its permit, or waits already, is left alone. */
  wait(waiting: Waiting): void {
    const { place, lane, key } = waiting;
    if (this.#out.has(place) || this.#waiting.has(place)) return;
    this.#waiting.set(place, waiting);
    const { keys, round } = this.#lanes[lane];
    let line = keys.get(key);
    if (line === undefined) {
      line = { key, waiting: new Fifo(), stance: "round" };
      keys.set(key, line);
      round.push(line);
    }
    line.waiting.push(waiting);
  }

  /** It waits no more: it has ended, or is to hear something else. `false` where it did not wait. */
  leave(place: string): boolean {
    return this.#waiting.delete(place);
  }

  /** A permit that was given by another gate of the type. */
  isOut(place: string, key: string): void {
    this.#waiting.delete(place);
    if (this.#out.has(place)) return;
    this.#out.set(place, key);
    this.#outOfKey.set(key, (this.#outOfKey.get(key) ?? 0) + 1);
  }

  isBack(place: string): void {
    const key = this.#out.get(place);
    if (key === undefined) return;
    this.#out.delete(place);
    const left = (this.#outOfKey.get(key) ?? 1) - 1;
    if (left === 0) this.#outOfKey.delete(key);
    else this.#outOfKey.set(key, left);
    if (!this.#pausing.has(key)) this.#admit(key);
  }

  /** The next that gets a permit, which is out from now on. */
  next(nowMs: number): Waiting | undefined {
    this.#nextAtMs = undefined;
    if (this.#waiting.size === 0 || this.#out.size >= (this.#limit.atOnce ?? Infinity)) return undefined;
    this.#endPauses(nowMs);
    const atMs = this.#rate?.nextAtMs("") ?? nowMs;
    const lane = atMs > nowMs ? undefined : this.#share.next((each) => this.#hasNext(this.#lanes[each], nowMs));
    if (lane === undefined) {
      const againAtMs = atMs > nowMs ? atMs : this.#nextPauseEndsAtMs;
      this.#nextAtMs = againAtMs === Infinity ? undefined : againAtMs;
      return undefined;
    }
    return this.#take(this.#lanes[lane], nowMs);
  }

  /** Where `next` found nobody: when to ask again, although nothing has happened. */
  get nextAtMs(): number | undefined {
    return this.#nextAtMs;
  }

  #take({ round, keys }: LaneLine, nowMs: number): Waiting {
    const line = round.shift() as KeyLine;
    const chosen = line.waiting.shift() as Waiting;
    if (line.waiting.size > 0) round.push(line);
    else keys.delete(line.key);
    this.isOut(chosen.place, chosen.key);
    this.#rate?.pass("", nowMs);
    this.#keyRate?.pass(chosen.key, nowMs);
    return chosen;
  }

  /** Whether the lane has somebody that may go; whoever may is at its head then. */
  #hasNext(lane: LaneLine, nowMs: number): boolean {
    for (let line = lane.round.first; line !== undefined; line = lane.round.first) {
      while (line.waiting.first !== undefined && this.#waiting.get(line.waiting.first.place) !== line.waiting.first) line.waiting.shift();
      if (line.waiting.size === 0) {
        lane.keys.delete(line.key);
        lane.round.shift();
      } else if (this.#isBarred(line.key, nowMs)) {
        line.stance = "barred";
        lane.round.shift();
      } else return true;
    }
    return false;
  }

  #isBarred(key: string, nowMs: number): boolean {
    const atMs = this.#keyRate?.nextAtMs(key) ?? nowMs;
    if (atMs > nowMs) {
      this.#pausing.set(key, atMs);
      this.#nextPauseEndsAtMs = Math.min(this.#nextPauseEndsAtMs, atMs);
      return true;
    }
    return (this.#outOfKey.get(key) ?? 0) >= (this.#perKey.atOnce ?? Infinity);
  }

  #endPauses(nowMs: number): void {
    if (this.#nextPauseEndsAtMs > nowMs) return;
    this.#nextPauseEndsAtMs = Infinity;
    for (const [key, atMs] of this.#pausing) {
      if (atMs > nowMs) this.#nextPauseEndsAtMs = Math.min(this.#nextPauseEndsAtMs, atMs);
      else {
        this.#pausing.delete(key);
        this.#admit(key);
      }
    }
  }

  /** Back into the round, at its end: the others that wait have waited for longer. */
  #admit(key: string): void {
    for (const lane of START_LANES) {
      const line = this.#lanes[lane].keys.get(key);
      if (line?.stance !== "barred") continue;
      line.stance = "round";
      this.#lanes[lane].round.push(line);
    }
  }
}

function newLane(): LaneLine {
  return { keys: new Map(), round: new Fifo() };
}
