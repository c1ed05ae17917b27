import type { Definition } from "../../src/core/definition.ts";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import type { ActorRecord } from "../../src/core/record.ts";
import { COMMITTED, type Commit, type Store, type TicketFollower, type Write } from "../../src/ports/store.ts";
import type { Delivery, Reader } from "../../src/ports/mailbox.ts";
import type { LawName } from "./checker.ts";
import type { World } from "../../src/memory/world.ts";
import type { Mutant } from "./cluster.ts";

/** Bugs made on purpose, each in what a host is given, with the law that must name it. One within the runtime: generations.test.ts. */

interface Seeded extends Mutant {
  readonly law: LawName;
}

/** A store that does something else with a commit. */
function withStore(commit: (sent: Commit, store: Store) => ReturnType<Store["commit"]>): Mutant {
  return { ports: (ports) => ({ ...ports, store: over(ports.store, { commit: (sent: Commit) => commit(sent, ports.store) }) }) };
}

/** Fences that are always those that hold. */
class LiveFences extends Map<number, number> {
  readonly #world: World;

  constructor(fences: ReadonlyMap<number, number>, world: World) {
    super(fences);
    this.#world = world;
  }

  override *[Symbol.iterator](): MapIterator<[number, number]> {
    for (const partition of this.keys()) yield [partition, this.#world.owner(partition).fence];
  }
}

/** A store whose writes are changed on the way, or left out. */
const withWrites = (change: (write: Write) => readonly Write[]): Mutant =>
  withStore((sent, store) => {
    const writes = sent.writes.flatMap(change);
    return writes.length === 0 ? Promise.resolve(COMMITTED) : store.commit({ fences: fencesOf(sent, writes), writes });
  });

function fencesOf({ fences }: Commit, writes: readonly Write[]): ReadonlyMap<number, number> {
  const used = new Set(writes.map(({ partition }) => partition));
  const left = new Map([...fences].filter(([partition]) => used.has(partition)));
  return left.size === 0 ? fences : left;
}

/** The same object, with some of its methods replaced. */
function over<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(Reflect.has(methods, name) ? methods : target, name);
      return typeof value === "function" ? (value as () => unknown).bind(Reflect.has(methods, name) ? methods : target) : value;
    },
  });
}

/** Those that lie in parts are left as they are. */
const isWhole = ({ bytes }: { readonly bytes: Uint8Array }): boolean => bytes[0] === 1;

function inRecord(change: (record: ActorRecord) => object): Mutant {
  return withWrites((write) =>
    write.kind === "record" && isWhole(write)
      ? [{ ...write, bytes: encodeRecord(change(decodeRecord(write.bytes) as ActorRecord)) }]
      : [write],
  );
}

const isCautious = (write: Extract<Write, { kind: "record" }>): boolean => {
  if (!isWhole(write)) return false;
  const record = decodeRecord(write.bytes) as ActorRecord;
  return record.kind === undefined && record.value === "doing";
};

export const MUTANTS: Readonly<Record<string, Seeded>> = {
  "acknowledges as it delivers": {
    law: "kept",
    ports: (ports) => ({
      ...ports,
      mailbox: over(ports.mailbox, { open: (partition, source, reader) => ports.mailbox.open(partition, source, hasty(reader)) }),
    }),
  },
  "may commit under any fence": {
    law: "fence",
    server: (world) => {
      world.onStep((step) => {
        if (step.kind === "commitReceived") Object.assign(step.commit, { fences: new LiveFences(step.commit.fences, world) });
      });
    },
  },
  "answers before it has stored": {
    law: "committed-first",
    ...withStore((sent, store) => {
      void store.commit(sent);
      return Promise.resolve(COMMITTED);
    }),
  },
  "begins what must not be repeated before `doing` is stored": {
    law: "committed-first",
    ...withStore((sent, store) => {
      if (!sent.writes.some((write) => write.kind === "record" && isCautious(write))) return store.commit(sent);
      void store.commit(sent);
      return Promise.resolve(COMMITTED);
    }),
  },
  "counts no permits": {
    law: "permits",
    ports: (ports) => ({
      ...ports,
      store: over(ports.store, { follow: (type, follower) => ports.store.follow(type, forgetful(follower)) }),
    }),
  },
  "gives permits before it knows which are out": {
    law: "permits",
    ports: (ports, world) => ({
      ...ports,
      store: over(ports.store, { follow: (type, follower) => ports.store.follow(type, late(follower, world)) }),
    }),
  },
  "gives no permit back": { law: "permits", ...withWrites((write) => (write.kind === "cancelTicket" ? [] : [write])) },
  "keeps no marks": { law: "heard", ...inRecord((record) => ({ ...record, marks: {} })) },
  "loses the schedules": { law: "timer", ...withWrites((write) => (write.kind === "timer" ? [] : [write])) },
  "loses mail": { law: "one-end", ...withWrites((write) => (write.kind === "mail" ? [] : [write])) },
  "loses turns": { law: "chain", ...withWrites((write) => (write.kind === "turn" && write.revision % 3 === 0 ? [] : [write])) },
  "repeats what must not be repeated": {
    law: "at-most-once",
    definition: (definition: Definition) => ({
      ...definition,
      activities: new Map([...definition.activities].map(([name, activity]) => [name, { ...activity, onCrash: "rerun" as const }])),
    }),
  },
  "takes a conflict for a success": {
    law: "settled",
    ...withStore(async (sent, store) => {
      const outcome = await store.commit(sent);
      return outcome.kind === "conflict" ? COMMITTED : outcome;
    }),
  },
  "takes an unknown outcome for a success": {
    law: "chain",
    ...withStore(async (sent, store) => {
      const outcome = await store.commit(sent);
      return outcome.kind === "unknown" ? COMMITTED : outcome;
    }),
  },
};

/** Acknowledges before anything is done. */
function hasty(reader: Reader): Reader {
  return {
    receive: (delivery) => {
      delivery.acknowledge();
      reader.receive(over<Delivery>(delivery, { acknowledge: () => {} }));
    },
    rewound: () => reader.rewound(),
  };
}

/** Takes every permit that is given for one that has come back. */
function forgetful(follower: TicketFollower): TicketFollower {
  return {
    heard: (change) => {
      follower.heard(change);
      if (change.ticket.stand === "permit") follower.heard({ ...change, bytes: undefined });
    },
    broken: () => follower.broken(),
  };
}

/** Hears of permits long after everything else. */
function late(follower: TicketFollower, world: World): TicketFollower {
  return {
    heard: (change) => {
      if (change.ticket.stand === "permit") world.clock.after(3_000, () => follower.heard(change));
      else follower.heard(change);
    },
    broken: () => follower.broken(),
  };
}
