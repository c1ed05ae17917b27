import { isTooLong, type StartLane } from "../core/address.ts";
import type { TroupeError } from "../core/errors.ts";
import type { Delivery, Source } from "../ports/mailbox.ts";
import type { Listening } from "../ports/work.ts";
import { Assembly } from "./assembly.ts";
import { tooLong } from "./decode.ts";
import type { Noted } from "./floor.ts";
import type { Gates } from "./gates.ts";
import { Hold } from "./hold.ts";
import { partnersOf } from "./joint.ts";
import { relieve } from "./relief.ts";
import type { Session } from "./session.ts";
import { lostWith } from "./settlement.ts";
import type { Sharing } from "./sharing.ts";
import type { StageParts } from "./stage-parts.ts";
import { isBound, vacate, type Farewell, type Rest } from "./vacating.ts";
import type { Reading } from "./waiting.ts";

/**
 * Where a host's actors are: from a delivery to a settled commit.
 *
 *   receive → (starts: wait for a slot) → activate → decode → turn → commit → release → acknowledge
 *
 * Owns: the actors in memory, the starts that wait, the slots, each kept by a part of its own (assembly.ts). Does not own partitions
 * (partition.ts) or turns (performer.ts). Calls in: host.ts, the partitions' inlets. Calls out: admission, entrance, performer.
 * S1. A delivery is acknowledged only by its hold (invariant 5).
 * S2. Events of one actor are turned in the order of their source; a start goes before events that came with it.
 * S3. Nothing waits on a poisoned message: what cannot be decoded, validated or routed becomes a dead letter (invariant 9).
 */
export class Stage {
  readonly sharing: Sharing;
  readonly #parts: StageParts;
  readonly #assembly: Assembly;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#assembly = new Assembly(parts);
    this.sharing = this.#assembly.sharing;
  }

  /** What a partition needs beside its sources: whoever works for its actors is heard, and its gates are open. */
  attend(session: Session): Listening {
    const attended = [this.sharing.attend(session), this.#assembly.gates.attend(session)];
    return { close: () => attended.forEach((each) => each.close()) };
  }

  get running(): number {
    return this.#assembly.admission.running;
  }

  /** Tasks whose end was stored by this host. */
  get finished(): number {
    return this.#assembly.performer.release.finished;
  }

  get gates(): Gates["counts"] {
    return this.#assembly.gates.counts;
  }

  waitingIn(lane: StartLane): number {
    return this.#assembly.admission.waitingIn(lane);
  }

  /** A delivery of an open session. */
  receive(session: Session, delivery: Delivery, reading: Reading): void {
    if (!session.accepts) return;
    const { abilities, admission, deadLetters, entrance } = this.#assembly;
    const hold = new Hold(delivery);
    if (isTooLong(delivery)) deadLetters.keep(session, hold, tooLong(delivery));
    else if (abilities.needsSlot(delivery)) admission.start(session, hold, reading);
    else entrance.receive(session, hold);
  }

  /** Whether all of them are acknowledged soon, although what they wait for goes on. */
  relieve(session: Session, source: Source, stuck: readonly Noted[]): boolean {
    const { committer, cast } = this.#assembly;
    return relieve({ committer, maxWrites: this.#parts.store.maxWrites, find: (key) => cast.peek(key) }, session, source, stuck);
  }

  /** Starts nothing more; what runs goes on. */
  stopAdmitting(): void {
    this.#assembly.admission.close();
    this.sharing.drain();
  }

  /** From now on nothing more is heard in the session. Resolves once nothing of it is under way. */
  vacate(session: Session, farewell: Farewell): Promise<Rest> {
    session.phase = "leaving";
    return vacate(session, farewell, this.#assembly.vacating);
  }

  /** Partitions in which something runs that may not run twice. */
  get bound(): ReadonlySet<number> {
    const found = new Set<number>();
    for (const activation of this.#assembly.cast.all) if (isBound(activation)) found.add(activation.session.partition);
    return found;
  }

  /** Forgets everything of a session: another host, or a later session, starts from what was committed. */
  drop(session: Session, why: TroupeError): void {
    session.phase = "ended";
    const { abilities, admission, cast, early, known, performer, timekeeper } = this.#assembly;
    const partners = cast.of(session).flatMap(partnersOf);
    for (const activation of cast.of(session)) {
      for (const { delivery } of activation.waiting) if (abilities.needsSlot(delivery)) admission.slotFreed();
      performer.abort(activation, why);
      activation.pending?.permit?.back();
      cast.drop(activation);
    }
    early.forget(session.partition);
    known.forget(session);
    timekeeper.forget(session);
    admission.schedule();
    for (const partner of partners)
      if (partner.session.open) this.#parts.lost(partner.session, lostWith(partner.session, [session.partition]));
  }

  /** Perhaps the partition is another host's: what follows from its being ours is not relied on. */
  doubt(session: Session): void {
    this.#assembly.known.forget(session);
  }
}
