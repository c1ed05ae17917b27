import { unpack } from "msgpackr";
import { formatAddress } from "../../src/core/address.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import type { Commit, Write } from "../../src/ports/store.ts";
import type { Step } from "../../src/memory/steps.ts";
import type { World } from "../../src/memory/world.ts";
import type { Line, StoredRecord, StoredWrite } from "./history.ts";

type WithoutTime<L> = L extends Line ? Omit<L, "at"> : never;
/** A line, before the time is put to it. */
export type Note = WithoutTime<Line>;

/**
 * Writes the history of a simulated server. Records are read by a decoder of its own, so that what the runtime's codec gets wrong is seen.
 */
export class Recorder {
  readonly lines: Line[] = [];
  /** Actors that are stored and have not ended, and how those ended that have. */
  readonly states = new Map<string, StoredRecord>();
  /** Whose end is waited for. */
  readonly awaited = new Set<string>();
  /** How often each kind of line that is worth a count came. */
  readonly tally = { commits: 0, conflicts: 0, refusals: 0, firings: 0, takeovers: 0, deadLetters: 0 };
  readonly #world: World;
  readonly #mail = new Map<string, string>();
  readonly #owners = new Map<number, string>();
  readonly #expired = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    world.onStep((step) => this.#stepped(step));
    world.watch(({ address, bytes }) => {
      if (bytes !== undefined) return;
      this.states.delete(formatAddress(address));
      this.#expired.add(formatAddress(address));
      this.note({ kind: "expired", actor: formatAddress(address) });
    });
    world.onOutgoing((outgoing) => {
      const said = JSON.parse(Buffer.from(outgoing.body).toString()) as Readonly<Record<string, unknown>>;
      if (outgoing.kind === "reply") this.#replied(outgoing.to, said);
      else if (typeof said["heard"] === "string") this.note({ kind: "emitted", actor: formatAddress(outgoing.from), heard: said["heard"] });
    });
  }

  hasExpired(actor: string): boolean {
    return this.#expired.has(actor);
  }

  note(note: Note): void {
    if (note.kind === "expected") this.awaited.add(note.actor);
    this.lines.push({ at: this.#world.clock.now(), ...note });
  }

  #stepped(step: Step): void {
    switch (step.kind) {
      case "claimed": {
        const { partition, fence, host } = step;
        const before = this.#owners.get(partition);
        if (before !== undefined && before !== host) this.tally.takeovers++;
        this.#owners.set(partition, host);
        this.note({ kind: "owned", partition, fence, host });
        return;
      }
      case "released":
        this.note({ kind: "owned", partition: step.partition, fence: step.fence, host: null });
        return;
      case "published": {
        const { source, partition, sequence } = step;
        const actor = formatAddress(step.to);
        this.#mail.set(`${partition} ${source} ${sequence}`, actor);
        if (source.startsWith("in.")) this.note({ kind: "accepted", source, partition, sequence, actor });
        return;
      }
      case "acknowledged": {
        const { host, source, partition, sequence } = step;
        const actor = this.#mail.get(`${partition} ${source} ${sequence}`) ?? "";
        this.note({ kind: "acknowledged", host, source, partition, sequence, actor });
        return;
      }
      case "timerFired":
        this.tally.firings++;
        this.note({ kind: "fired", actor: formatAddress(step.owner), timer: step.timer });
        return;
      case "commitApplied":
        if (step.outcome.kind === "committed") this.#stored(step.host, step.commit);
        else if (step.outcome.kind === "conflict") this.tally.conflicts++;
        else this.tally.refusals++;
    }
  }

  #stored(host: string, { fences, writes }: Commit): void {
    this.tally.commits++;
    const seen = writes.flatMap((write) => this.#seen(write));
    for (const write of seen) if (write.kind === "record") this.states.set(write.actor, write.record);
    this.note({ kind: "stored", host, fences: Object.fromEntries(fences), writes: seen });
  }

  #seen(write: Write): readonly StoredWrite[] {
    const { kind, partition } = write;
    switch (kind) {
      case "record": {
        const record = decoded(this.#world.read(write.address) ?? write.bytes);
        return [{ kind, actor: formatAddress(write.address), partition, record }];
      }
      case "turn":
        return [{ kind, actor: formatAddress(write.address), partition, revision: write.revision }];
      case "mail":
        return [{ kind, actor: formatAddress(write.to), partition, lane: write.lane, message: write.message }];
      case "timer":
        return [{ kind, actor: formatAddress(write.owner), partition, timer: write.timer, dueAt: write.dueAt }];
      case "cancelTimer":
        return [{ kind, actor: formatAddress(write.owner), partition, timer: write.timer }];
      case "ticket":
      case "cancelTicket":
        return [{ kind, actor: formatAddress(write.address), partition, stand: write.ticket.stand, name: write.ticket.name }];
      case "dead": {
        this.tally.deadLetters++;
        const { code } = JSON.parse(write.letter.headers?.[HEADERS.reason] ?? "{}") as { code?: string };
        return [{ kind, actor: formatAddress(write.address), partition, name: write.name, code: code ?? "" }];
      }
      default:
        return [];
    }
  }

  #replied(to: string, said: Readonly<Record<string, unknown>>): void {
    if (typeof said["attempt"] === "number") {
      const early = said["acknowledged"] === undefined ? {} : { early: true };
      this.note({ kind: "outcome", actor: `${said["type"] as string}/${said["id"] as string}`, state: said["state"] as string, ...early });
    } else if (said["error"] === undefined) this.note({ kind: "answered", to });
  }
}

/** The bytes behind the one that names the codec. */
function decoded(bytes: Uint8Array): StoredRecord {
  return unpack(bytes.subarray(1)) as StoredRecord;
}
