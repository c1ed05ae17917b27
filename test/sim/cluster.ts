import type { Definition } from "../../src/core/definition.ts";
import type { Attachment } from "../../src/memory/attachment.ts";
import type { InFlight } from "../../src/memory/link.ts";
import { ProcessClock } from "../../src/memory/process-clock.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import { createWorld, type World } from "../../src/memory/world.ts";
import { SOURCES, type Source } from "../../src/ports/mailbox.ts";
import { CAST, LIMITS, witness } from "./cast.ts";
import { Member, type MemberOptions, type Ports } from "./member.ts";
import { plansOfHost } from "./plans.ts";
import { Recorder } from "./recorder.ts";
import type { Scenario } from "./scenario.ts";

/** What may be broken on purpose, to see that the checker finds it. */
export interface Mutant {
  readonly ports?: (ports: Ports, world: World) => Ports;
  readonly definition?: (definition: Definition) => Definition;
  readonly server?: (world: World) => void;
}

/** The simulated server with its hosts: each place in it is held by one process after the other. */
export class Cluster {
  readonly clock = new VirtualClock();
  readonly world: World;
  readonly recorder: Recorder;
  readonly members: (Member | undefined)[];
  /** How often something was done to a host or to the server. */
  readonly tally = { launches: 0, crashes: 0, zombies: 0, cuts: 0, unknowns: 0 };
  isServerDown = false;
  readonly #options: readonly MemberOptions[];
  readonly #mutant: Mutant;
  #usurper: Attachment | undefined;

  constructor({ seed, server, hosts }: Scenario, mutant: Mutant = {}) {
    this.world = createWorld({ clock: this.clock, seed, ...server });
    this.recorder = new Recorder(this.world);
    witness.act = (key) => this.recorder.note({ kind: "effect", actor: key.slice(0, key.indexOf(":")), key });
    for (const [type, { atOnce = Infinity, perKey }] of Object.entries(LIMITS))
      this.recorder.note({ kind: "limited", type, atOnce, ...(perKey?.atOnce === undefined ? {} : { perKey: perKey.atOnce }) });
    this.#options = hosts;
    this.#mutant = mutant;
    mutant.server?.(this.world);
    this.members = hosts.map(() => undefined);
    this.world.onStep((step) => {
      if (step.kind !== "commitAnswered") return;
      if (step.outcome.kind === "unknown") this.tally.unknowns++;
    });
  }

  /** Whoever has this name and lives. */
  called(name: string): Member | undefined {
    return this.members.find((member) => member?.name === name && !member.isDead);
  }

  /** A new process in a place; another one takes over where it cannot join. */
  launch(place: number): void {
    const options = this.#options[place];
    if (options === undefined) return;
    const name = `host-${place}-${++this.tally.launches}`;
    const clock = new ProcessClock(this.clock);
    const attachment = this.world.attach(name, clock);
    const { store, mailbox, leases, outlet, work } = attachment;
    const { ports: disguise, definition: change = (definition: Definition) => definition } = this.#mutant;
    const ports = disguise?.({ store, mailbox, leases, outlet, work }, this.world) ?? { store, mailbox, leases, outlet, work };
    const definitions = [...CAST, ...plansOfHost()].map(change);
    const { recorder } = this;
    const { partitions } = this.world;
    const member = new Member({ name, clock, attachment, ports, partitions, definitions, recorder }, options);
    this.members[place] = member;
    if (this.isServerDown) attachment.disconnect("lost");
    member.host.start().catch(() => this.replace(place, member, "lost", 500));
  }

  /** The process dies, and another takes its place after a while. */
  replace(place: number, member: Member | undefined, underWay: InFlight, downMs: number): void {
    if (member === undefined || member.isDead || this.members[place] !== member) return;
    this.tally.crashes++;
    member.kill(underWay);
    this.#succeed(place, downMs);
  }

  /** It leaves as it should; dies where that takes too long. */
  leave(place: number, how: "drain" | "stop", downMs: number): void {
    const member = this.members[place];
    if (member === undefined || member.isDead) return;
    const left = how === "drain" ? member.host.drain(3_000) : member.host.stop();
    const end = (): void => {
      if (member.isDead) return;
      member.kill("arrives");
      if (this.members[place] === member) this.#succeed(place, downMs);
    };
    left.then(end, end);
    this.clock.after(8_000, end);
  }

  #succeed(place: number, downMs: number): void {
    this.clock.after(downMs, () => {
      if (this.members[place]?.isDead === true) this.launch(place);
    });
  }

  /** Somebody who gives no sign of life takes a partition: whoever had it is a zombie, and does not know. */
  usurp(partition: number): void {
    const taken = partition % this.world.partitions;
    this.#usurper ??= this.world.attach("usurper");
    // It may be refused, or meet with trouble of its own: then nobody has lost anything.
    this.#usurper.leases.claim(taken, "usurper", this.world.owner(taken).fence).catch(() => {});
  }

  eachSource(visit: (partition: number, source: Source) => void): void {
    for (let partition = 0; partition < this.world.partitions; partition++) for (const source of SOURCES) visit(partition, source);
  }

  /** Everything that was sent and is still unacknowledged, as `partition source type/id`. */
  get unacknowledged(): readonly string[] {
    const left: string[] = [];
    this.eachSource((partition, source) => {
      for (const { type, id } of this.world.unacknowledged(partition, source)) left.push(`${partition} ${source} ${type}/${id}`);
    });
    return left;
  }
}
