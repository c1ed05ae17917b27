import type { PlanTally, Rollback } from "../core/plan-book.ts";
import type { View } from "../view.ts";

/** `12 of 40 done, 1 failed`; how many there are in all may still grow. */
function progressWords({ total, done, failed, dropped }: PlanTally): string {
  const others = [...(failed > 0 ? [`${failed} failed`] : []), ...(dropped > 0 ? [`${dropped} dropped`] : [])];
  return [`${done} of ${total} done`, ...others].join(", ");
}

/** `failed: 3 undone, 1 not (no luck)`. */
function rollbackWords({ state, compensated, failed, errors }: Rollback): string {
  const not = failed === 0 ? "" : `, ${failed} not${errors[0] === undefined ? "" : ` (${errors[0].message})`}`;
  return `${state}: ${compensated} undone${not}`;
}

/** What a plan's view says about its children, for people; nothing for others. */
export function planWords(view: View): { readonly progress?: string; readonly rollback?: string } {
  if (view.kind !== "task") return {};
  const { progress, rollback } = view;
  return {
    ...(progress === undefined ? {} : { progress: progressWords(progress) }),
    ...(rollback === undefined ? {} : { rollback: rollbackWords(rollback) }),
  };
}

/** How far it is, in steps that are worth a line: a plan of thousands changes with every child. */
export function milestone(view: View): string {
  if (view.kind !== "task") return "";
  const { total = 0, done = 0, failed = 0, dropped = 0 } = view.progress ?? {};
  const { compensated = 0, failed: unable = 0 } = view.rollback ?? {};
  const percent = (part: number): number => (total === 0 ? 0 : Math.floor((part * 100) / total));
  return `${percent(done + failed + dropped)} ${percent(compensated + unable)}`;
}
