import { assign } from "xstate";
import { membersOf, supervisorMachine, type SupervisorContext, type SupervisorEvent } from "../machines/supervisor.ts";
import { toErrorRecord, TroupeError } from "./core/errors.ts";
import { judge } from "./core/supervision.ts";
import { supervisionOf, type SuperviseOptions } from "./supervise.ts";

/**
 * A supervisor as a machine of its own, for plain XState, or for children that come and go: the same judgement as for `supervise` of a
 * durable actor. Its children, in their order, come with its input; their logic with `.provide({ actors })`.
 * @throws bad_options, listing every fault
 */
export function supervisor(options: Omit<SuperviseOptions, "children"> = {}): typeof supervisorMachine {
  const { supervision, faults } = supervisionOf(options, { order: [], ids: new Set(), path: "" });
  if (faults.length > 0) {
    const words = faults.map(({ path, message }) => `${path} ${message}`).join("; ");
    throw new TroupeError("bad_options", `The supervisor is not well defined: ${words}`, { faults });
  }
  const judged = (context: SupervisorContext, event: SupervisorEvent, seed = "") => {
    const { actorId = "", error } = event as { readonly actorId?: string; readonly error?: unknown };
    const failure = { child: actorId, error: toErrorRecord(error), lives: false };
    const group = { ...supervision, members: context.children.map(({ id }) => id) };
    return judge(group, context.supervision ?? undefined, failure, membersOf(context), { now: Date.now(), seed });
  };
  return supervisorMachine.provide({
    guards: { escalates: ({ context, event }) => judged(context, event).verdict.kind === "escalate" },
    actions: {
      judge: assign(({ context, event, self }) => {
        const { verdict, record } = judged(context, event, self.id);
        return { verdict, supervision: record };
      }),
    },
  });
}
