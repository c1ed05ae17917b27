export { actorAt } from "./actor-at.ts";
export { ActorView } from "./actor-view.ts";
export { Client, type ListFilter } from "./client.ts";
export type { StartRequest } from "./start-request.ts";
export { connect, type ConnectOptions } from "./connect.ts";
export type { ConnectionOptions } from "./nats/connection.ts";
export type { ActivityContext, ActivityLog, CrashPolicy, Definition, Retention } from "./core/definition.ts";
export type { Duration } from "./core/duration.ts";
export { ERROR_CODES, TerminalError, TroupeError, type ErrorCode, type ErrorRecord, type Fault } from "./core/errors.ts";
export type { Outcome } from "./core/lifecycle.ts";
export type { RetryPolicy } from "./core/retry.ts";
export type { Limit, RunLimits } from "./core/run-limits.ts";
export { createHost, type HostOptions } from "./create-host.ts";
export { defineActor, type ActivityOptions, type ActorOptions } from "./define-actor.ts";
export { defineTask, type TaskDefinition, type TaskEvent, type TaskOptions } from "./define.ts";
export type { HostsView, HostView } from "./host-view.ts";
export { logicOf } from "./logic-of.ts";
export {
  definePlan,
  type CleanupContext,
  type Compensate,
  type CompensateOptions,
  type FailurePolicy,
  type FinishContext,
  type PlanOptions,
} from "./define-plan.ts";
export type { ChildDescription, YieldedChild } from "./plan-child.ts";
export type { ExpandContext } from "./plan-expansion.ts";
export type { Log } from "./ports/log.ts";
export type { WaitOptions } from "./limits.ts";
export type { ConnectionState } from "./ports/gateway.ts";
export type { HealthOptions, Readiness } from "./health.ts";
export { Ref, type SendOptions } from "./ref.ts";
export { drainOnSignals, RunningHost, type HostStatus } from "./running-host.ts";
export { startEmbeddedServer, type EmbeddedServer } from "./server/embedded.ts";
export type { SuperviseOptions } from "./supervise.ts";
export { supervisor } from "./supervisor.ts";
export type { Backoff, Decision, Directive, Restart, Strategy, SupervisionRecord } from "./core/supervision.ts";
export type { TaskState, TaskView } from "./task-view.ts";
export type { ActorDefinition, Status, View } from "./view.ts";
export type { WatchOptions } from "./watch.ts";
export type { VersionOptions } from "./versioning.ts";
export type { Migrate, StoredSnapshot } from "./core/versions.ts";
