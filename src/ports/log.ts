/** The part of a pino logger that we use; pino's own satisfies it. Never called in the hot path unless the level is on. */
export interface Log {
  readonly level: string;
  child(bindings: Record<string, unknown>): Log;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
