/**
 * What happened in a run, as plain data: one object a line, JSON, in the order in which it happened. The checker (checker.ts) reads nothing
 * else, so it serves a simulated run and a run on real servers alike.
 *
 * Two parties write it. *The server's side*: what was stored, in the order of the stream (here a listener of the simulated server; for a
 * real one whoever reads its streams). *Outside*: what user code, clients and whoever causes trouble saw, at the moment they saw it. Lines
 * of the server's side must come before lines of what followed from them: an answer after the record that it tells of. Where two machines
 * write, sort by `at` and let the server's side come first; laws that need a finer order than the clocks give are to be left out (see
 * `check`).
 *
 * `actor` is always `type/id`. Times are epoch ms of whoever saw it; the run's own clock in a simulation. Fields that a recorder cannot know
 * may be left out where they are optional: the laws that need them then hold trivially.
 *
 * What an actor under check keeps in its context, by convention:
 * - `heard: string[]`: what it heard, in order, each as `<sender>#<number>`; every sender numbers what it sends to that actor from 0. An
 *   entry that begins with `late ` is something that the actor knows to be from a child or a timer that it had left.
 */
export type Line = { readonly at: number } & (ServerLine | OutsideLine | RunLine);

type ServerLine =
  /** The partition's fence is new; `host` null where it was given back, to `next` where that was somebody. */
  | { readonly kind: "owned"; readonly partition: number; readonly fence: number; readonly host: string | null; readonly next?: string }
  /** A message from outside is in its mailbox; one that was sent again with the same message id is there once. */
  | { readonly kind: "accepted"; readonly source: string; readonly partition: number; readonly sequence: number; readonly actor: string }
  /** One commit, all of it. `fences`: those it came with, by partition. */
  | {
      readonly kind: "stored";
      readonly host?: string;
      readonly fences?: Readonly<Record<string, number>>;
      readonly writes: readonly StoredWrite[];
    }
  /** A schedule of the server has become mail. */
  | { readonly kind: "fired"; readonly actor: string; readonly timer: string }
  /** The server removed a record after its retention. */
  | { readonly kind: "expired"; readonly actor: string }
  /** The server took note that a delivery is done with. */
  | {
      readonly kind: "acknowledged";
      readonly host: string;
      readonly source: string;
      readonly partition: number;
      readonly sequence: number;
      readonly actor: string;
    };

export type StoredWrite =
  | { readonly kind: "record"; readonly actor: string; readonly partition: number; readonly record: StoredRecord }
  /** For types with history: every turn leaves one. */
  | { readonly kind: "turn"; readonly actor: string; readonly partition: number; readonly revision: number }
  | { readonly kind: "mail"; readonly actor: string; readonly partition: number; readonly lane: string; readonly message: string }
  | { readonly kind: "timer"; readonly actor: string; readonly partition: number; readonly timer: string; readonly dueAt: number }
  | { readonly kind: "cancelTimer"; readonly actor: string; readonly partition: number; readonly timer: string }
  /** A place in a limited type's line (`wait`), or a permit that is out. */
  | { readonly kind: "ticket"; readonly actor: string; readonly partition: number; readonly stand: string; readonly name: string }
  | { readonly kind: "cancelTicket"; readonly actor: string; readonly partition: number; readonly stand: string; readonly name: string }
  | { readonly kind: "dead"; readonly actor: string; readonly partition: number; readonly name: string; readonly code: string };

/** A record as the codec reads it, whole also where it lies in parts; of its fields those that the laws look at. */
export interface StoredRecord {
  /** Absent for tasks. */
  readonly kind?: "actor";
  readonly revision: number;
  readonly epoch: number;
  readonly generation: number;
  readonly status: "active" | "done" | "error" | "stopped";
  readonly value: unknown;
  readonly context: unknown;
  readonly marks: Readonly<Record<string, number>>;
  readonly activities: Readonly<Record<string, { readonly input: unknown; readonly reruns: number }>>;
  readonly timers: Readonly<Record<string, { readonly dueAt: number; readonly keeper: "host" | "server" }>>;
  readonly children?: Readonly<
    Record<string, { readonly type: string; readonly id: string; readonly generation: number; readonly dueAt?: number }>
  >;
  readonly ended?: readonly number[];
  readonly parent?: { readonly type: string; readonly id: string; readonly since?: number };
  readonly owed?: readonly { readonly key: string }[];
  readonly replies?: readonly { readonly to: string }[];
  readonly outbox?: readonly unknown[];
  readonly parked?: { readonly reason: string };
  readonly permit?: { readonly stance: string; readonly key: string };
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type Policy = "rerun" | "fail" | "park";

type OutsideLine =
  /** User code begins or ends one attempt. `died`: with its process, as far as anybody can tell. */
  | {
      readonly kind: "begun";
      readonly host: string;
      readonly actor: string;
      /** Which work of an actor that has several; absent for a task's. */
      readonly activity?: string;
      readonly attempt: number;
      readonly epoch: number;
      readonly policy: Policy;
    }
  | {
      readonly kind: "ended";
      readonly host: string;
      readonly actor: string;
      readonly attempt: number;
      readonly epoch: number;
      readonly how: "returned" | "threw" | "aborted" | "died";
    }
  /** A custom action ran. `key`: as its first argument has it. */
  | { readonly kind: "effect"; readonly actor: string; readonly key: string }
  /** An emitted event was seen, and says in reply to which of what its actor heard. */
  | { readonly kind: "emitted"; readonly actor: string; readonly heard: string }
  /** A task's outcome reached whoever waits for it. */
  | { readonly kind: "outcome"; readonly actor: string; readonly state: string; readonly early?: boolean }
  /** An ask was answered (not refused). */
  | { readonly kind: "answered"; readonly to: string }
  /** A client was told that what it sent is accepted. `heard`: of an event, its name in the actor's `heard`. */
  | { readonly kind: "promised"; readonly actor: string; readonly heard?: string };

type RunLine =
  /** What may run at once in a host. */
  | { readonly kind: "limit"; readonly host: string; readonly most: number }
  /** How many of a type may work at once in the whole cluster, and how many of one key. */
  | { readonly kind: "limited"; readonly type: string; readonly atOnce: number; readonly perKey?: number }
  /** Trouble, for people to read. */
  | { readonly kind: "fault"; readonly what: string; readonly host?: string }
  /** No more trouble from here on. */
  | { readonly kind: "calm" }
  /** What must have become of an actor in the end, where more is known than that it ends. */
  | { readonly kind: "expected"; readonly actor: string; readonly states?: readonly string[]; readonly heard?: readonly string[] }
  /** The end: what the server still has. Mail as `partition source type/id`. */
  | {
      readonly kind: "rest";
      readonly unacknowledged: readonly string[];
      readonly timers: readonly { readonly actor: string; readonly timer: string; readonly dueAt: number }[];
      /** Of limited types. */
      readonly tickets?: readonly { readonly actor: string; readonly stand: string }[];
    };

export function formatHistory(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** @throws SyntaxError for what is no JSON */
export function parseHistory(text: string): readonly Line[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}
