import type { ErrorCode } from "../core/errors.ts";
import type { OnProgress } from "./progress.ts";
import type { Environment } from "./run-program.ts";

/** What every step of the search is given. */
export interface Search {
  readonly env: Environment;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
}

/** `fatal`: the search ends here, because going on would hide what the user asked for or what somebody has tampered with. */
export type Finding =
  | { readonly kind: "found"; readonly path: string; readonly version: string }
  | { readonly kind: "skipped"; readonly detail: string }
  | { readonly kind: "failed"; readonly reason: "network" | "other"; readonly detail: string }
  | { readonly kind: "fatal"; readonly code: ErrorCode; readonly detail: string };

export function skipped(detail: string): Finding {
  return { kind: "skipped", detail };
}

export function failed(detail: string, reason: "network" | "other" = "other"): Finding {
  return { kind: "failed", reason, detail };
}
