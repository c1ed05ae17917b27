import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import { asRecord } from "../../src/core/record.ts";
import { SHORT_TIMER_MS } from "../../src/core/draft.ts";
import { park, rerun, resume } from "../../src/core/parking.ts";
import { revive, take, type TurnAt } from "../../src/core/turn.ts";
import { ADDRESS, AT, begin, begun, cancel, delay, failed, fired, heard, lived, next, NOW, succeeded, taskOf } from "./life.ts";

const task = taskOf({ retry: { attempts: 3, jitter: 0 } });
const later: TurnAt = { now: NOW + 50, epoch: 8 };
const parked = { reason: "crashed", error: { name: "TroupeError", code: "crashed", message: "the host died" }, at: NOW };

describe("generations", () => {
  it("drop the result of an attempt whose host died and which runs again", () => {
    const { actor } = lived(task, [begin]);
    const late = succeeded(actor, "late");
    const again = rerun(actor, "run", later).actor;
    expect(next(task, again, late)).toEqual({ actor: again, effects: [], kind: "unheard" });
    expect(next(task, again, succeeded(again, "fresh")).actor.record).toMatchObject({ value: "done", output: "fresh" });
  });

  it("drop the result of an earlier attempt while a later one runs", () => {
    const first = lived(task, [begin]).actor;
    const second = lived(task, [begin, failed, (actor) => fired(actor), begin]).actor;
    expect(second.record.activities["run"]?.generation).toBeGreaterThan(first.record.activities["run"]?.generation ?? Infinity);
    expect(next(task, second, succeeded(first)).kind).toBe("unheard");
    expect(next(task, second, failed(first)).kind).toBe("unheard");
  });

  it("drop a timer that fires twice, or after it was armed anew", () => {
    const waiting = lived(task, [begin, failed]).actor;
    const firing = fired(waiting);
    const ready = next(task, waiting, firing).actor;
    expect(next(task, ready, firing).kind).toBe("unheard");
    const again = lived(task, [begin, failed, (actor) => fired(actor), begin, failed]).actor;
    expect(next(task, again, firing).kind).toBe("unheard");
    expect(next(task, again, fired(again)).kind).toBe("changed");
  });

  it("rise with everything that starts, and are never used twice", () => {
    const { effects } = lived(task, [begin, failed, (actor) => fired(actor), begin, failed, (actor) => fired(actor), begin, succeeded]);
    const generations = effects.flatMap((effect) => (effect.kind === "run" || effect.kind === "arm" ? [effect.generation] : []));
    expect(generations).toEqual([1, 2, 3, 4, 5]);
  });

  it("refuse what names an activity or a timer that nobody started", () => {
    const { actor } = lived(task, [begin]);
    const unknown = { kind: "settled", activity: "other", generation: 1, event: { type: "xstate.done.actor.run" } } as const;
    expect(next(task, actor, unknown).kind).toBe("unheard");
    expect(next(task, actor, { kind: "timer", timer: "other", generation: 1 }).kind).toBe("unheard");
  });
});

describe("marks", () => {
  const marked = (sequence: number, source = "in.event"): TurnAt => ({ ...AT, mark: { source, sequence } });

  it("note per source what a turn has absorbed", () => {
    const started = begun(task, null, {}, marked(11, "in.normal")).actor;
    const turn = take(task, ADDRESS, started, begin(), marked(12));
    expect(turn.actor.record.marks).toEqual({ "in.normal": 11, "in.event": 12 });
    expect(take(task, ADDRESS, turn.actor, cancel(), marked(20)).actor.record.marks).toEqual({ "in.normal": 11, "in.event": 20 });
  });

  it("stay where a turn absorbs nothing", () => {
    const started = begun(task, null, {}, marked(11)).actor;
    expect(next(task, started, begin()).actor.record.marks).toEqual({ "in.event": 11 });
  });

  it("rise for what changed nothing, and nothing else does", () => {
    const { actor } = lived(task, [begin]);
    const turn = take(task, ADDRESS, actor, heard("nonsense"), marked(5));
    expect(turn).toMatchObject({ kind: "unheard", effects: [] });
    expect(turn.actor.record).toEqual({ ...actor.record, marks: { "in.event": 5 } });
    expect(turn.actor.snapshot).toBe(actor.snapshot);
  });
});

describe("timers", () => {
  it.each([
    [0.5, "host"],
    [SHORT_TIMER_MS - 1, "host"],
    [SHORT_TIMER_MS, "server"],
    [86_400_000, "server"],
  ] as const)("of %s ms are kept by the %s, when armed and when disarmed", (delayMs, keeper) => {
    const started = next(task, begun(task, null, { delayMs }).actor, delay());
    expect(started.effects).toMatchObject([{ kind: "arm", keeper, dueAt: NOW + delayMs }]);
    expect(Object.values(started.actor.record.timers)).toMatchObject([{ keeper, dueAt: NOW + delayMs }]);
    expect(next(task, started.actor, cancel()).effects).toMatchObject([{ kind: "disarm", keeper, generation: 1 }]);
  });

  it("are not disarmed once they have fired", () => {
    const waiting = lived(task, [begin, failed]).actor;
    expect(next(task, waiting, fired(waiting)).effects).toEqual([]);
  });
});

describe("turns of one commit", () => {
  it("fold: the last record stands for all, and no effect is lost", () => {
    const folded = lived(task, [begin, failed]);
    expect(folded.actor.record).toMatchObject({ revision: 3, value: { undo: "retrying" } });
    expect(folded.effects.map((effect) => effect.kind)).toEqual(["run", "arm"]);
    const stored = revive(task, ADDRESS, asRecord(decodeRecord(encodeRecord(folded.actor.record))));
    expect(stored.record).toEqual(folded.actor.record);
  });
});

describe("work whose host died", () => {
  it("runs again as the same attempt of the machine, with a generation of its own", () => {
    const { actor } = lived(task, [begin]);
    const turn = rerun(rerun(actor, "run", later).actor, "run", later);
    expect(turn.effects).toEqual([{ kind: "run", activity: "run", generation: 3 }]);
    expect(turn.actor.record).toMatchObject({ revision: 4, epoch: 8, generation: 3, updatedAt: NOW + 50, value: "doing" });
    expect(turn.actor.record.activities["run"]).toEqual({ src: "run", generation: 3, input: { attempt: 1 }, reruns: 2 });
    expect(turn.actor.snapshot).toBe(actor.snapshot);
  });

  it("is left alone where it has settled", () => {
    const { actor } = lived(task, [begin, succeeded]);
    expect(rerun(actor, "run", later)).toEqual({ actor, effects: [], kind: "unheard" });
  });
});

describe("a parked actor", () => {
  it("keeps its last good record, the reason and the delivery that was absorbed", () => {
    const { actor } = lived(task, [begin]);
    const turn = park(actor, parked, { ...later, mark: { source: "in.event", sequence: 9 } });
    expect(turn).toMatchObject({ effects: [], kind: "changed" });
    expect(turn.actor.record).toEqual({ ...actor.record, parked, revision: 3, epoch: 8, updatedAt: NOW + 50, marks: { "in.event": 9 } });
  });

  it("starts its unsettled work once more when it is resumed", () => {
    const aside = park(lived(task, [begin]).actor, parked, AT).actor;
    const turn = resume(aside, { ...later, mark: { source: "in.event", sequence: 10 } });
    expect(turn.effects).toEqual([{ kind: "run", activity: "run", generation: 2 }]);
    expect(turn.actor.record).not.toHaveProperty("parked");
    expect(turn.actor.record).toMatchObject({
      value: "doing",
      marks: { "in.event": 10 },
      activities: { run: { generation: 2, reruns: 1 } },
    });
    expect(turn.actor.record.revision).toBeGreaterThan(aside.record.revision);
    expect(next(task, turn.actor, succeeded(turn.actor, 1)).actor.record.value).toBe("done");
  });

  it("is resumed where it stood when no work was open", () => {
    const aside = park(begun(task).actor, parked, AT).actor;
    const turn = resume(aside, later);
    expect(turn).toMatchObject({ kind: "changed", effects: [] });
    expect(turn.actor.record).toMatchObject({ value: { undo: "ready" }, revision: 3 });
    expect(turn.actor.record).not.toHaveProperty("parked");
  });

  it("can be cancelled while it waits", () => {
    const aside = park(lived(task, [begin]).actor, parked, AT).actor;
    expect(next(task, aside, cancel()).actor.record).toMatchObject({ status: "done", value: "failed", activities: {} });
  });
});

describe("an actor revived from its record", () => {
  it("does not lend its record's context to user code", () => {
    const { record } = begun(task, { list: [1] }).actor;
    const revived = revive(task, ADDRESS, record);
    expect(revived.record).toBe(record);
    expect(revived.snapshot?.context).toEqual(record.context);
    expect(revived.snapshot?.context).not.toBe(record.context);
  });

  it("is refused where its state is not in the machine any more", () => {
    const { record } = begun(task).actor;
    const failure = { code: "transition_threw", about: "resize/42" };
    expect(() => revive(task, ADDRESS, { ...record, value: { undo: "gone" } })).toThrow(expect.objectContaining(failure));
  });
});
