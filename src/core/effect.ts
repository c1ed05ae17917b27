import type { ActorEvent } from "./envelope.ts";

/**
 * What a turn asks of the world, as data. Carried out only once the turn is committed, with one exception that DESIGN's second
 * invariant allows: an activity that may be re-run may start before.
 */
export type Effect =
  | { readonly kind: "run"; readonly activity: string; readonly generation: number }
  | { readonly kind: "halt"; readonly activity: string; readonly generation: number }
  | {
      readonly kind: "arm";
      readonly timer: string;
      readonly generation: number;
      readonly dueAt: number;
      readonly keeper: "host" | "server";
    }
  | { readonly kind: "disarm"; readonly timer: string; readonly generation: number; readonly keeper: "host" | "server" }
  | { readonly kind: "emit"; readonly event: ActorEvent }
  | { readonly kind: "log"; readonly label: string | undefined; readonly value: unknown };
