import { formatAddress, type Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import type { ErrorCode } from "./errors.ts";
import { fit, type Fit } from "./fit.ts";
import { warningsOf } from "./machine-warnings.ts";
import { asRecord, formatState, type ActorRecord } from "./record.ts";
import { decodeRecord } from "./codec.ts";

/**
 * What would become of stored actors if a host with these definitions had them now. Migrations are run over the real snapshots, and
 * what they make is thrown away.
 */
export interface Finding {
  readonly type: string;
  /**
   * `runs` as it is, `stays` under an older version that is kept, `resolves` in the new one, `migrates` to it, `parks`, is `homeless`
   * since no definition has its type while one has its parent's, or is `unreadable`. A `warning` is about a machine, not about actors.
   */
  readonly finding: "runs" | "stays" | "resolves" | "migrates" | "parks" | "homeless" | "unreadable" | "warning";
  /** How many live actors this is so of. */
  readonly actors: number;
  /** The version that wrote them, and the state that they are in; of a warning, its place in the machine. */
  readonly version: string;
  readonly state: string;
  /** Of what parks. */
  readonly code?: ErrorCode;
  /** Paths in the machine that the stored state names and this version lacks. */
  readonly missing?: readonly string[];
  readonly why?: string;
  /** One of the actors. */
  readonly example?: string;
}

type Kind = Omit<Finding, "actors" | "example">;

/** Findings that a deploy should wait for. */
export function isTrouble({ finding }: Finding): boolean {
  return finding === "parks" || finding === "homeless" || finding === "unreadable";
}

export class Survey {
  readonly #definitions: ReadonlyMap<string, Definition>;
  readonly #found = new Map<string, { readonly kind: Kind; actors: number; readonly example: string }>();
  readonly #seen = new Set<string>();
  /** Live actors of types that belong to somebody else. */
  others = 0;

  constructor(definitions: readonly Definition[]) {
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
  }

  /** One stored record. What is stored anew while others are read may come twice and counts once. */
  note(address: Address, bytes: Uint8Array, now: number): void {
    const key = formatAddress(address);
    if (this.#seen.has(key)) return;
    const definition = this.#definitions.get(address.type);
    const record = read(bytes);
    if (record === undefined) {
      if (definition === undefined) return;
      this.#seen.add(key);
      this.#count(key, { type: address.type, finding: "unreadable", version: "", state: "", why: "its record cannot be read" });
      return;
    }
    if (record.status !== "active") return;
    this.#seen.add(key);
    const about = { type: address.type, version: record.version, state: formatState(record.value) };
    if (definition !== undefined) this.#count(key, { ...about, ...fateOf(definition, address, record, now) });
    else if (this.#definitions.has(record.parent?.type ?? ""))
      this.#count(key, {
        ...about,
        finding: "homeless",
        why: `no definition has this type any more; its parent is a "${record.parent?.type}"`,
      });
    else this.others++;
  }

  /** What parks first, by type, version and state; the warnings last. */
  findings(): readonly Finding[] {
    const rank = (finding: Finding): number => (finding.finding === "warning" ? 2 : isTrouble(finding) ? 0 : 1);
    const found = [...this.#found.values()].map(({ kind, actors, example }): Finding => ({ ...kind, actors, example }));
    const warnings = [...this.#definitions.values()].flatMap((definition) =>
      warningsOf(definition).map(({ path, message }): Finding => ({
        type: definition.name,
        finding: "warning",
        actors: 0,
        version: definition.version,
        state: path,
        why: message,
      })),
    );
    const order = (each: Finding): string => [each.type, each.version, each.state].join(" ");
    return [...found, ...warnings].toSorted((one, other) => rank(one) - rank(other) || order(one).localeCompare(order(other)));
  }

  #count(example: string, kind: Kind): void {
    const group = JSON.stringify(kind);
    const found = this.#found.get(group);
    if (found === undefined) this.#found.set(group, { kind, actors: 1, example });
    else found.actors++;
  }
}

function read(bytes: Uint8Array): ActorRecord | undefined {
  try {
    return asRecord(decodeRecord(bytes));
  } catch {
    return undefined;
  }
}

function fateOf(
  definition: Definition,
  address: Address,
  record: ActorRecord,
  now: number,
): Pick<Finding, "finding" | "code" | "missing" | "why"> {
  const found: Fit = fit(definition, address, record, { now, epoch: record.epoch });
  switch (found.kind) {
    case "same":
      return { finding: found.definition === definition ? "runs" : "stays" };
    case "moved": {
      const why = found.notes.map(({ path, message }) => `${path} ${message}`).join("; ");
      return { finding: found.migrated.length > 0 ? "migrates" : "resolves", ...(why === "" ? {} : { why }) };
    }
    case "misfit": {
      const { code, faults, message } = found.error;
      // Grouped with others of which the same is true.
      const why =
        faults.length > 0
          ? faults.map((fault) => `${fault.path} ${fault.message}`).join("; ")
          : message.replaceAll(formatAddress(address), "it");
      return { finding: "parks", code, ...(faults.length === 0 ? {} : { missing: faults.map(({ path }) => path) }), why };
    }
  }
}
