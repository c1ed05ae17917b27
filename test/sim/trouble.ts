import type { Cluster } from "./cluster.ts";
import type { Fault, Incident } from "./faults.ts";
import type { Member } from "./member.ts";

/** What goes on for a while. */
type Lasting = Exclude<Incident, { what: "crash" | "usurp" }> | { readonly what: "slow"; readonly paceMs: number };

/** Makes the faults of a scenario happen, and undoes what lasts once there is to be calm. */
export class Trouble {
  readonly #cluster: Cluster;
  /** What goes on now: the ways to end it. */
  readonly #ongoing = new Set<() => void>();
  #isOver = false;

  constructor(cluster: Cluster, faults: readonly Fault[]) {
    this.#cluster = cluster;
    for (const fault of faults) this.#arm(fault);
  }

  /** When the last of them is over, ms from the beginning. */
  static endOf(faults: readonly Fault[]): number {
    const ends = faults.map((fault) => {
      const atMs = "atMs" in fault ? fault.atMs : 0;
      return atMs + ("forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0);
    });
    return Math.max(0, ...ends);
  }

  /** Nothing goes wrong any more: who was frozen goes on, who was cut off is back. */
  calm(): void {
    this.#isOver = true;
    for (const end of this.#ongoing) end();
    this.#cluster.world.faults.clear();
    this.#cluster.recorder.note({ kind: "calm" });
  }

  #arm(fault: Fault): void {
    const { clock } = this.#cluster;
    if (fault.kind === "commit") {
      let seen = 0;
      const lost = fault.fault.kind === "conflict" ? fault.fault.lost : undefined;
      // A partition alone is lost from among others.
      const isMeant = (fences: ReadonlyMap<number, number>): boolean =>
        lost === undefined || (fences.size > 1 && lost.every((each) => fences.has(each)));
      this.#cluster.world.faults.failCommits(fault.fault, {
        when: ({ fences }) => isMeant(fences) && seen++ >= (lost === undefined ? fault.nth : fault.nth % 3),
      });
      return;
    }
    clock.after(fault.atMs, () => {
      if (this.#isOver) return;
      this.#note(fault);
      this.#begin(fault);
    });
  }

  #note(fault: Fault): void {
    const host = "host" in fault ? this.#cluster.members[fault.host]?.name : undefined;
    this.#cluster.recorder.note({ kind: "fault", what: JSON.stringify(fault), ...(host === undefined ? {} : { host }) });
  }

  #begin(fault: Exclude<Fault, { kind: "commit" }>): void {
    const { world, members } = this.#cluster;
    switch (fault.kind) {
      case "crash":
        return this.#hop(fault.hops, () => this.#cluster.replace(fault.host, members[fault.host], fault.underWay, fault.downMs));
      case "crashAll":
        members.forEach((member, place) => this.#cluster.replace(place, member, fault.underWay, fault.downMs));
        return;
      case "at":
        return this.#atStep(fault);
      case "usurp":
        return this.#hop(fault.hops, () => this.#cluster.usurp(fault.partition));
      case "loseAcks":
        world.faults.dropAcks({ times: fault.times });
        return;
      case "request":
        world.faults.failRequests(fault.request, { applied: fault.applied }, { times: fault.times });
        return;
      case "loseBeats": {
        const name = members[fault.host]?.name;
        world.faults.loseBeats({ times: fault.times, when: (host) => host === name });
        return;
      }
      case "rewind":
        return this.#cluster.eachSource((partition, source) => world.rewind(partition, source));
      case "serverRestart":
        return this.#restartServer(fault);
      case "leave":
        return this.#cluster.leave(fault.host, fault.how, fault.downMs);
      case "jump":
        members[fault.host]?.clock.jump(fault.byMs);
        return;
      default: {
        const member = members[fault.host];
        if (member === undefined || member.isDead) return;
        this.#lasting(fault.forMs, this.#afflict({ ...fault, what: fault.kind } as Lasting, member));
      }
    }
  }

  /** Of what lasts: begins it, and says how it ends. */
  #afflict(fault: Lasting, member: Member): () => void {
    const { tally } = this.#cluster;
    const { clock, attachment } = member;
    switch (fault.what) {
      case "freeze":
        if (fault.forMs >= 3_000) tally.zombies++;
        clock.freeze();
        return () => clock.thaw();
      case "cut":
        tally.cuts++;
        attachment.disconnect(fault.underWay);
        return () => this.#reconnect(member);
      case "stall":
        tally.cuts++;
        for (const way of fault.ways) attachment.stall(way);
        return () => {
          for (const way of fault.ways) attachment.flow(way);
        };
      case "slow":
        member.slowDown(fault.paceMs);
        return () => member.slowDown(0);
    }
  }

  #lasting(forMs: number, end: () => void): void {
    this.#ongoing.add(end);
    this.#cluster.clock.after(forMs, () => {
      if (this.#ongoing.delete(end)) end();
    });
  }

  #hop(left: number, action: () => void): void {
    this.#cluster.clock.soon(() => (left > 0 ? this.#hop(left - 1, action) : action()));
  }

  #atStep(fault: Extract<Fault, { kind: "at" }>): void {
    let left = fault.nth;
    const stop = this.#cluster.world.onStep((step) => {
      if (this.#isOver || !("host" in step) || step.kind !== fault.step) return;
      const member = this.#cluster.called(step.host);
      if (member === undefined || --left > 0) return;
      stop();
      if (fault.what === "crash") this.#cluster.replace(this.#cluster.members.indexOf(member), member, fault.underWay, fault.downMs);
      else if (fault.what === "usurp") this.#cluster.usurp(fault.partition);
      else this.#lasting(fault.forMs, this.#afflict(fault, member));
    });
  }

  #restartServer({ downMs, isForgetful }: Extract<Fault, { kind: "serverRestart" }>): void {
    const cluster = this.#cluster;
    if (cluster.isServerDown) return;
    cluster.isServerDown = true;
    for (const member of cluster.members) member?.attachment.disconnect("seeded");
    this.#lasting(downMs, () => {
      cluster.isServerDown = false;
      if (isForgetful) cluster.eachSource((partition, source) => cluster.world.rewind(partition, source));
      for (const member of cluster.members) member?.attachment.reconnect();
    });
  }

  #reconnect(member: Member): void {
    if (!this.#cluster.isServerDown) member.attachment.reconnect();
  }
}
