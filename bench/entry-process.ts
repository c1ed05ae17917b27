/** The runner's side of the protocol in `contender.ts`: one forked worker or producer script. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Entry, ProducerCommand, ProducerReport, WorkerCommand, WorkerReport } from "./contender.ts";

export class EntryProcess<R extends WorkerReport | ProducerReport, C extends WorkerCommand | ProducerCommand> {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(url: string, { script, args, nodeFlags = [] }: Entry) {
    this.#child = fork(script, [url, ...args], { execArgv: [...process.execArgv, ...nodeFlags] });
    this.#exited = once(this.#child, "exit");
  }

  send(command: C): void {
    this.#child.send(command);
  }

  /** The next report of a kind. Rejects if the script fails or exits first. */
  next<K extends R["kind"]>(kind: K): Promise<Extract<R, { kind: K }>> {
    return new Promise((resolve, reject) => {
      const take = (report: R): void => {
        if (report.kind === "failed") reject(new Error(report.reason));
        if (report.kind !== kind) return;
        this.#child.off("message", take);
        resolve(report as Extract<R, { kind: K }>);
      };
      this.#child.on("message", take);
      void this.#exited.then(() => reject(new Error(`a script exited before it said '${kind}'`)));
    });
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send({ kind: "stop" });
    await this.#exited;
  }
}
