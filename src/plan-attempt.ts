import type { ActivityContext } from "./core/definition.ts";

/** What every phase of a plan gets: the attempt that runs, with the plan's own input and what was prepared in place of the phase's. */
export class PlanAttempt<TInput extends { readonly input: unknown; readonly prepared: unknown }> {
  protected running: ActivityContext<TInput>;

  constructor(running: ActivityContext<TInput>) {
    this.running = running;
  }

  get input(): unknown {
    return this.running.input.input;
  }
  get prepared(): unknown {
    return this.running.input.prepared;
  }
  get actor(): ActivityContext["actor"] {
    return this.running.actor;
  }
  get attempt(): number {
    return this.running.attempt;
  }
  get epoch(): number {
    return this.running.epoch;
  }
  get signal(): AbortSignal {
    return this.running.signal;
  }
  get progress(): ActivityContext["progress"] {
    return this.running.progress;
  }
  get heartbeat(): ActivityContext["heartbeat"] {
    return this.running.heartbeat;
  }
  get log(): ActivityContext["log"] {
    return this.running.log;
  }
}
