import { NAMES } from "./stand.ts";
import type { Frame, Verdict } from "./tap.ts";

type Matches = (frame: Frame, from: "host" | "server") => boolean;

/** A point in the life of a delivery at which the host is killed: decides about each frame until it has killed. */
export interface Point {
  readonly name: string;
  /** A fresh one for each scenario; `kill` ends the host at once. */
  watch(nth: number, kill: () => void): (frame: Frame, from: "host" | "server") => Verdict;
  readonly delay?: number;
}

const stateSubject = NAMES.state({ type: "", id: "" }).slice(0, -1);
const timerSubject = stateSubject.replace(".state.", ".timer.");
const mailSubject = stateSubject.replace(".state.", ".mail.");
const ownSubject = NAMES.own(0).slice(0, -1);
const waySubject = NAMES.wayInSubjects[0]?.split("high")[0] as string;
const ackSubject = "$JS.ACK.";

export const isCommit: Matches = ({ subject }: Frame, from) => from === "host" && subject.startsWith(stateSubject);
export const isAck: Matches = ({ subject }: Frame, from) => from === "host" && subject.startsWith(ackSubject);
const isDelivery: Matches = ({ subject, reply }: Frame, from) =>
  from === "server" && subject.startsWith(waySubject) && reply.startsWith(ackSubject);
const isClaim: Matches = ({ subject }: Frame, from) => from === "host" && subject.startsWith(ownSubject);
const isMail: Matches = ({ subject }: Frame, from) => from === "host" && subject.startsWith(mailSubject);
const isTimer: Matches = ({ subject }: Frame, from) => from === "host" && subject.startsWith(timerSubject);

/** Killed with the n-th such frame, which arrives or not. */
export function at(name: string, matches: Matches, verdict: Exclude<Verdict, "pass">, delay?: number): Point {
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

/** Killed when the server has answered the n-th such frame, or the batch that it is in, before the host hears of it. */
export function answered(name: string, matches: Matches): Point {
  return {
    name,
    watch(nth, kill) {
      let left = nth;
      let inbox: string | undefined;
      return (frame, from) => {
        if (inbox === undefined && matches(frame, from)) left--;
        // Of a batch only the last message is answered.
        if (inbox === undefined && left <= 0 && from === "host" && frame.verb === "HPUB" && frame.reply !== "") inbox = frame.reply;
        if (from !== "server" || inbox === undefined || frame.subject !== inbox) return "pass";
        kill();
        return "cut";
      };
    },
  };
}

/** Those of actors beside: a batch in which they send each other mail. */
export const ACTOR_POINTS: readonly Point[] = [
  at("before the mail of a batch is sent", isMail, "cut"),
  at("in the middle of a batch, after a mail", isMail, "pass and cut"),
  at("in the middle of a batch, after a timer", isTimer, "pass and cut"),
];

export const POINTS: readonly Point[] = [
  at("before a claim is sent", isClaim, "cut"),
  answered("after a claim is stored, before its answer", isClaim),
  at("before a delivery arrives", isDelivery, "cut"),
  at("right after a delivery", isDelivery, "pass and cut"),
  at("before a commit is sent", isCommit, "cut"),
  at("right after a commit is sent", isCommit, "pass and cut"),
  answered("after a commit is stored, before its answer", isCommit),
  at("before an acknowledgement is sent", isAck, "cut"),
  at("right after an acknowledgement", isAck, "pass and cut"),
  at("in the middle of a batch", isTimer, "pass and cut", 6_000),
];
