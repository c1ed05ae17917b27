export { hostMachine } from "./host.ts";
export { planMachine } from "./plan.ts";
export type { PlanContext, PlanEvent } from "./plan-context.ts";
export { planPageMachine, type PlanPage } from "./plan-page.ts";
export { schedulerMachine } from "./scheduler.ts";
export {
  supervisorMachine,
  type SupervisedChild,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
} from "./supervisor.ts";
export { taskMachine, type TaskContext, type TaskEvent, type TaskInput } from "./task.ts";
