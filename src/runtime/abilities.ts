import { beginsWithSlot, isSimple, type Definition } from "../core/definition.ts";
import type { Delivery } from "../ports/mailbox.ts";

/** What this host can run itself, by its labels; what others must, or may. */
export class Abilities {
  readonly labels: readonly string[];
  readonly #definitions: ReadonlyMap<string, Definition>;
  /** Types whose work needs a label that this host lacks. */
  readonly #elsewhere: ReadonlySet<string>;

  constructor(definitions: ReadonlyMap<string, Definition>, labels: readonly string[]) {
    this.#definitions = definitions;
    this.labels = labels;
    const has = new Set(labels);
    this.#elsewhere = new Set(
      [...definitions.values()].flatMap((each) => (labelsOf(each).every((label) => has.has(label)) ? [] : [each.name])),
    );
  }

  /** Whether the type's work can be done here; what the type is besides happens at its owner's. */
  canRun(type: string): boolean {
    return !this.#elsewhere.has(type);
  }

  /** What a delivery leads to at once. An actor only begins to hear, a task of a limited type to wait for its permit: what they work at waits for slots of its own. */
  needsSlot({ lane, type }: Pick<Delivery, "lane" | "type">): boolean {
    return lane !== "event" && this.beginsWithSlot(type);
  }

  /** A task that works here as soon as it is started. */
  beginsWithSlot(type: string): boolean {
    const definition = this.#definitions.get(type);
    return (definition === undefined || beginsWithSlot(definition)) && this.canRun(type);
  }

  /** Whether another host may do it: a task that one function does. Plans and actors say more than a result while they work. */
  isShareable(definition: Definition | undefined): definition is Definition {
    return definition !== undefined && isSimple(definition);
  }

  /** The definition, where this host could do a task of it that another owns. */
  takeable(type: string): Definition | undefined {
    const definition = this.#definitions.get(type);
    return this.isShareable(definition) && this.canRun(type) ? definition : undefined;
  }
}

export function labelsOf({ activities }: Definition): readonly string[] {
  return activities.get("run")?.labels ?? NONE;
}

const NONE: readonly string[] = [];
