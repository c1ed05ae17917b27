/** Where a server may come from, in the order in which it is looked for. */
export type ServerSource = "env" | "path" | "cache" | "release" | "debian";

/** One step of the search and how it went. */
export interface ResolutionStep {
  readonly step: ServerSource;
  readonly outcome: "used" | "skipped" | "failed";
  readonly detail: string;
}

/** What a user who waits for a server may be shown. `totalBytes` is missing where nobody has said how much comes. */
export type Progress =
  | { readonly kind: "step"; readonly step: ResolutionStep }
  | { readonly kind: "installing"; readonly step: ServerSource; readonly detail: string }
  | { readonly kind: "download"; readonly receivedBytes: number; readonly totalBytes: number | undefined };

export type OnProgress = (progress: Progress) => void;

/** One line for a terminal or a log. */
export function describeProgress(progress: Progress): string {
  switch (progress.kind) {
    case "step":
      return `nats-server: ${progress.step.step}: ${progress.step.outcome}: ${progress.step.detail}`;
    case "installing":
      return `nats-server: ${progress.step}: ${progress.detail}`;
    case "download":
      return `nats-server: ${progress.receivedBytes} of ${progress.totalBytes ?? "?"} bytes`;
  }
}
