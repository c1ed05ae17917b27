import type { Fault } from "./errors.ts";

const LABEL_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** What is wrong with labels as somebody wrote them. */
export function faultsOfLabels(labels: unknown): readonly Fault[] {
  if (labels === undefined) return [];
  const isFit = Array.isArray(labels) && labels.every((label) => typeof label === "string" && LABEL_PATTERN.test(label));
  return isFit ? [] : [{ path: "labels", message: 'must be a list of words such as "gpu": letters, digits, _ and -, at most 64 each' }];
}
