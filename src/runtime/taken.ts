import { decodeBody, encodeValue } from "../core/codec.ts";
import type { Activity } from "../core/definition.ts";
import { HEADERS } from "../core/envelope.ts";
import { fromErrorRecord, toErrorRecord, TroupeError, type ErrorRecord } from "../core/errors.ts";
import { isRetryable } from "../core/retry.ts";
import { resultOf, type OwnerWord, type WorkEnd } from "../core/worker-talk.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Work, WorkItem } from "../ports/work.ts";
import { Attempt, type AttemptEnd } from "./attempt.ts";
import type { Turnover } from "./turnover.ts";

export interface TakenParts {
  readonly host: string;
  readonly work: Work;
  readonly clock: Clock;
  readonly log: Log;
  readonly turnover: Turnover;
  /** Where the owner may say at once that it should stop. */
  readonly tell: string;
  /** Its slot is free. */
  readonly freed: () => void;
  readonly over: (taken: Taken) => void;
}

/**
 * Where offered work is, in the host that fetched it:
 *
 *              go                 ended               stored             stop
 *   asking ─────────► running ───────────► reporting ────────► parting ───────► over
 *     │ stop, or no answer   │ stop: aborted              │ stop to the result itself ▲
 *     └──────────────────────┴────────────────────────────┴───────────────────────────┘
 *
 * It has a slot until it is parting. From `running` on it gives signs of life: also while its result is on its way to the owner, who
 * would otherwise believe it dead.
 */
type Phase = "asking" | "running" | "reporting" | "parting" | "over";

/** Where no silence is given. */
const DEFAULT_SILENCE_MS = 5_000;
const BEATS_PER_SILENCE = 3;
const ASK_AGAIN_MS = 250;
/** Asked for longer it goes back to the queue, before it comes again by itself: whoever has it next may reach the owner. */
const MOST_ASKING_MS = 7_000;
const REPORT_AGAIN_MS = 500;

/** One attempt of another host's task. */
export class Taken {
  readonly item: WorkItem;
  readonly token: string;
  phase: Phase = "asking";
  readonly #parts: TakenParts;
  readonly #activity: Activity;
  readonly #owner: string;
  readonly #askedSince: number;
  #attempt: Attempt | undefined;

  constructor(item: WorkItem, activity: Activity, parts: TakenParts) {
    this.item = item;
    this.token = item.header(HEADERS.token);
    this.#parts = parts;
    this.#activity = activity;
    this.#owner = item.header(HEADERS.owner);
    this.#askedSince = parts.clock.monotonic();
  }

  begin(): void {
    void this.#ask();
  }

  /** The host takes nothing new: what has not begun is given back. */
  drain(): void {
    if (this.phase === "asking") this.#giveBack();
  }

  /** The host leaves now. */
  stop(): void {
    if (this.phase === "asking") this.#giveBack();
    else if (this.phase === "running") {
      this.#tell({ say: "back", begun: true });
      this.#abort(new TroupeError("stopped", "The host was stopped"));
    } else this.#finish();
  }

  told(word: OwnerWord): void {
    if (word.say === "stop") this.#wantedNoMore(word.reason);
  }

  async #ask(): Promise<void> {
    const { clock, tell } = this.#parts;
    const answer = await this.#parts.work.ask(this.#owner, { ...this.#name, say: "take", tell });
    if (this.phase !== "asking") return;
    if (answer?.say === "go") {
      this.item.acknowledge();
      this.#run();
    } else if (answer?.say === "stop") {
      this.item.acknowledge();
      this.#finish();
    } else if (clock.monotonic() - this.#askedSince > MOST_ASKING_MS) this.#giveBack();
    else clock.after(ASK_AGAIN_MS, () => void (this.phase === "asking" && this.#ask()));
  }

  #giveBack(): void {
    this.#tell({ say: "back", begun: false });
    this.item.giveBack();
    this.#finish();
  }

  #run(): void {
    this.phase = "running";
    const { clock, log, turnover } = this.#parts;
    const { type, id } = this.item;
    const input = this.#input();
    if (input instanceof TroupeError) return this.#report({ kind: "failed", error: { ...toErrorRecord(input), retryable: false } });
    this.#attempt = new Attempt(
      {
        activation: undefined,
        actor: { type, id },
        name: "run",
        activity: this.#activity,
        input: input.value,
        attempt: Number(this.item.header(HEADERS.attempt)),
        generation: 0,
        epoch: Number(this.item.header(HEADERS.epoch)),
        watched: false,
        holds: [],
      },
      { clock, log, turnover, progress: (_, value) => this.#tell({ say: "progress", value }), told() {}, sent() {} },
    );
    this.#keepBeating();
    this.#attempt.begin((end) => this.#report(toWorkEnd(end)));
  }

  #input(): { readonly value: unknown } | TroupeError {
    try {
      return { value: decodeBody(this.item.body, this.item.header(HEADERS.contentType)) };
    } catch (error) {
      return error as TroupeError;
    }
  }

  #keepBeating(): void {
    const silenceMs = Number(this.item.header(HEADERS.silence)) || DEFAULT_SILENCE_MS;
    const alarm = this.#parts.clock.every(silenceMs / BEATS_PER_SILENCE, () => {
      if (this.phase === "over") return alarm.cancel();
      void this.#parts.work
        .ask(this.#owner, { ...this.#name, say: "beat" })
        .then((answer) => answer?.say === "stop" && this.#wantedNoMore(answer.reason));
    });
  }

  /** Cancelled, or given up. A result that is on its way is not called back: it may be that which ended the attempt. */
  #wantedNoMore(reason: ErrorRecord): void {
    if (this.phase === "running") this.#abort(fromErrorRecord(reason, `${this.item.type}/${this.item.id}`) as TroupeError);
    else if (this.phase === "parting") this.#finish();
  }

  #abort(reason: TroupeError): void {
    this.#attempt?.abort(reason);
    this.#finish();
  }

  #report(end: WorkEnd): void {
    this.phase = "reporting";
    void this.#send(end);
  }

  async #send(end: WorkEnd): Promise<void> {
    const { work, clock, log } = this.#parts;
    const { type, id } = this.item;
    try {
      const { body, contentType } = encodeValue(resultOf(this.token, end));
      await work.report({ type, id }, `${this.token}:result`, body, { [HEADERS.contentType]: contentType, [HEADERS.kind]: "result" });
      this.#stored();
    } catch (error) {
      const code = error instanceof TroupeError ? error.code : "defect";
      if (this.phase !== "reporting") return;
      if (code === "too_large" || code === "bad_payload") return this.#report({ kind: "failed", error: toErrorRecord(error) });
      log.debug({ actor: `${type}/${id}`, err: error }, "a result could not be stored; it is tried again");
      if (code === "in_full") await this.#hand(end);
      clock.after(REPORT_AGAIN_MS, () => void (this.phase === "reporting" && this.#send(end)));
    }
  }

  /** The way in is full, perhaps of what waits for this very slot: the owner takes the result itself, and says `stop` once it is stored. */
  async #hand(end: WorkEnd): Promise<void> {
    const answer = await this.#parts.work.ask(this.#owner, { ...this.#name, say: "result", end });
    if (answer?.say === "stop") this.#finish();
  }

  #stored(): void {
    if (this.phase !== "reporting") return;
    this.phase = "parting";
    this.#parts.freed();
  }

  #finish(): void {
    if (this.phase === "over") return;
    if (this.phase !== "parting") this.#parts.freed();
    this.phase = "over";
    this.#parts.over(this);
  }

  get #name(): { readonly token: string; readonly worker: string } {
    return { token: this.token, worker: this.#parts.host };
  }

  #tell(word: { readonly say: "progress"; readonly value: unknown } | { readonly say: "back"; readonly begun: boolean }): void {
    this.#parts.work.tell(this.#owner, { ...this.#name, ...word });
  }
}

function toWorkEnd(end: AttemptEnd): WorkEnd {
  if (end.kind === "done") return end;
  const error = toErrorRecord(end.error);
  return { kind: "failed", error: isRetryable(end.error) ? error : { ...error, retryable: false } };
}
