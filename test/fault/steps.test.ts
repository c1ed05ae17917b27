import { afterAll, beforeAll, expect, test } from "vitest";
import { breaches, FaultStand, NAMES } from "./stand.ts";
import { within } from "./within.ts";
import { startTap, type Frame, type Verdict } from "./tap.ts";

/** A point in the life of a delivery at which the host is killed: decides about each frame until it has killed. */
interface Point {
  readonly name: string;
  /** A fresh one for each scenario; `kill` ends the host at once. */
  watch(nth: number, kill: () => void): (frame: Frame, from: "host" | "server") => Verdict;
  readonly delay?: number;
}

const stateSubject = NAMES.state({ type: "", id: "" }).slice(0, -1);
const timerSubject = stateSubject.replace(".state.", ".timer.");
const ownSubject = NAMES.own(0).slice(0, -1);
const waySubject = NAMES.wayInSubjects[0]?.split("high")[0] as string;
const ackSubject = "$JS.ACK.";

const isCommit = ({ subject }: Frame, from: string): boolean => from === "host" && subject.startsWith(stateSubject);
const isAck = ({ subject }: Frame, from: string): boolean => from === "host" && subject.startsWith(ackSubject);
const isDelivery = ({ subject, reply }: Frame, from: string): boolean =>
  from === "server" && subject.startsWith(waySubject) && reply.startsWith(ackSubject);
const isClaim = ({ subject }: Frame, from: string): boolean => from === "host" && subject.startsWith(ownSubject);
const isTimer = ({ subject }: Frame, from: string): boolean => from === "host" && subject.startsWith(timerSubject);

type Matches = (frame: Frame, from: "host" | "server") => boolean;

/** Killed with the n-th such frame, which arrives or not. */
function at(name: string, matches: Matches, verdict: Exclude<Verdict, "pass">, delay?: number): Point {
  return {
    name,
    ...(delay === undefined ? {} : { delay }),
    watch(nth, kill) {
      let left = nth;
      return (frame, from) => {
        if (!matches(frame, from) || --left > 0) return "pass";
        kill();
        return verdict;
      };
    },
  };
}

/** Killed when the server has answered the n-th such frame, before the host hears of it. */
function answered(name: string, matches: Matches): Point {
  return {
    name,
    watch(nth, kill) {
      let left = nth;
      let inbox: string | undefined;
      return (frame, from) => {
        if (inbox === undefined && matches(frame, from) && --left === 0) inbox = frame.reply;
        if (from !== "server" || inbox === undefined || frame.subject !== inbox) return "pass";
        kill();
        return "cut";
      };
    },
  };
}

const POINTS: readonly Point[] = [
  at("before a claim is sent", isClaim, "cut"),
  answered("after a claim is stored, before its answer", isClaim),
  at("before a delivery arrives", isDelivery, "cut"),
  at("right after a delivery", isDelivery, "pass and cut"),
  at("before a commit is sent", isCommit, "cut"),
  at("right after a commit is sent", isCommit, "pass and cut"),
  answered("after a commit is stored, before its answer", isCommit),
  at("before an acknowledgement is sent", isAck, "cut"),
  at("right after an acknowledgement", isAck, "pass and cut"),
  at("in the middle of a batch", isTimer, "pass and cut", 3_500),
];

const COUNT = 8;
let stand: FaultStand;
let round = 0;

beforeAll(async () => {
  stand = await FaultStand.open();
  const first = stand.host();
  await first.joined;
  await stand.attend();
  await first.kill();
});

afterAll(async () => {
  await stand[Symbol.asyncDispose]();
});

const CASES = POINTS.flatMap((point) => [1, 4].map((nth) => [point.name, nth, point] as const));

test.each(CASES)("kill -9 of the host %s (number %i): every task comes to one end", async (_name, nth, point) => {
  const base = (await stand.views()).size;
  const ids = Array.from({ length: COUNT }, (_, i) => `r${round}-${i}`);
  round++;
  const options = point.delay === undefined ? {} : { delay: point.delay };
  // Some are short enough to end in their first commit, some are surely running when the end comes.
  await stand.submit(ids, (id) => ({ ms: id.endsWith("1") ? 60 : 0 }), options);
  await using tap = await startTap(
    stand.server.port,
    point.watch(nth, () => victim.signal("SIGKILL")),
  );
  const victim = stand.host({ via: tap.port });
  expect(await within("the host reaches the point", victim.ended)).toBe("SIGKILL");
  const successor = stand.host();
  try {
    const views = await stand.settled(base + 3 * COUNT, 20_000);
    expect(breaches(views, stand.runs, stand.stored)).toEqual([]);
  } finally {
    await successor.kill();
  }
});
