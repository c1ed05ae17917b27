import type { Log } from "../ports/log.ts";

/** Something that a host had to say. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps what all hosts of a troupe log. */
export class Logbook implements Log {
  readonly level = "debug";
  readonly entries: LogEntry[];
  readonly #bindings: Readonly<Record<string, unknown>>;

  constructor(bindings: Readonly<Record<string, unknown>> = {}, entries: LogEntry[] = []) {
    this.#bindings = bindings;
    this.entries = entries;
  }

  /** What was wrong, for people. */
  get warnings(): readonly string[] {
    return this.entries.flatMap(({ level, message, fields }) => {
      if (level !== "warn" && level !== "error") return [];
      const error = fields["err"];
      return [error instanceof Error ? `${message} (${error.message})` : message];
    });
  }

  child(bindings: Record<string, unknown>): Log {
    return new Logbook({ ...this.#bindings, ...bindings }, this.entries);
  }

  debug(fields: object, message: string): void {
    this.#note("debug", fields, message);
  }

  info(fields: object, message: string): void {
    this.#note("info", fields, message);
  }

  warn(fields: object, message: string): void {
    this.#note("warn", fields, message);
  }

  error(fields: object, message: string): void {
    this.#note("error", fields, message);
  }

  #note(level: LogEntry["level"], fields: object, message: string): void {
    this.entries.push({ level, message, fields: { ...this.#bindings, ...fields } });
  }
}
