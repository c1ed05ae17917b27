import { describe, expect, it } from "vitest";
import { Quorum } from "../../src/nats/quorum.ts";

/** What servers say of the copies of a stream, as they said it to test/fault/stale; whether the one that answers is believed. */

const STREAM = "PLAYED";
const MS = 1_000_000;
const heard = (name: string, agoMs: number) => ({ name, current: true, active: agoMs * MS });

function asked(...answers: readonly object[]): { readonly quorum: Quorum; readonly questions: string[] } {
  const questions: string[] = [];
  const demand = async <Reply extends object>(subject: string): Promise<Reply> => {
    questions.push(subject);
    return answers[Math.min(questions.length, answers.length) - 1] as Reply;
  };
  return { quorum: new Quorum({ demand }), questions };
}

const info = (cluster: object, last_seq = 7): object => ({ cluster, state: { last_seq } });
const LEADS = info({ leader: "s1", replicas: [heard("s2", 400), heard("s3", 5_200)] });
const IS_CUT_OFF = info({ leader: "s1", replicas: [heard("s2", 5_134), heard("s3", 5_134)] });

describe("the leader that answers", () => {
  it("is believed where it has just heard of a majority", async () => {
    expect(await asked(LEADS).quorum.reached(STREAM)).toBe(7);
  });

  it("is believed where there are no copies", async () => {
    expect(await asked(info({ leader: "s1" }, 0)).quorum.reached(STREAM)).toBe(0);
  });

  it.each([
    ["it has heard of nobody since an election may have begun", IS_CUT_OFF],
    ["it has never heard of anybody", info({ leader: "s1", replicas: [heard("s2", 0), heard("s3", 0)] })],
    ["those that it heard of are away", info({ leader: "s1", replicas: [{ ...heard("s2", 400), offline: true }, heard("s3", 5_200)] })],
    ["it knows of no leader itself", info({ replicas: [heard("s1", 0), heard("s2", 0), heard("s3", 400)] })],
  ])("is not where %s", async (_, answer) => {
    await expect(asked(answer).quorum.reached(STREAM)).rejects.toMatchObject({ code: "no_answer", about: STREAM });
  });
});

describe("the question", () => {
  it("is asked once for those who ask at the same time", async () => {
    const { quorum, questions } = asked(LEADS);
    expect(await Promise.all([quorum.reached(STREAM), quorum.reached(STREAM)])).toEqual([7, 7]);
    expect(questions).toHaveLength(1);
  });

  it("is asked again at once where the answer was not believed", async () => {
    const { quorum } = asked(IS_CUT_OFF, LEADS);
    await expect(quorum.reached(STREAM)).rejects.toThrow("s1");
    expect(await quorum.reached(STREAM)).toBe(7);
  });
});
