import { formatAddress } from "../core/address.ts";
import { pathOf, statusOf, type View } from "../view.ts";
import type { Format, Row } from "./output.ts";
import { milestone, planWords } from "./plan-words.ts";

/** What is shown of tasks and actors, and in which order. */
export const SHORT = ["type", "id", "state", "status", "attempt", "updated"];
export const LONG = [
  ...SHORT.slice(0, -1),
  ..."progress rollback parent children input context output error parked waiting worker due revision created updated".split(" "),
];

/** Plans say how far they are; where there is none among them, nobody does. */
export function columnsOf(rows: readonly Row[]): readonly string[] {
  return rows.some((row) => row["progress"] !== undefined) ? SHORT.toSpliced(-1, 0, "progress") : SHORT;
}

/** As it is on the wire, with instants that people can read; in a table the state is told with the states inside. */
export function rowOf(view: View, format: Format): Row {
  const instant = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());
  const { createdAt, updatedAt, dueAt, ...rest } = view;
  const row = { ...rest, due: instant(dueAt), created: instant(createdAt), updated: instant(updatedAt) };
  return format === "table"
    ? { ...row, state: stateOf(view), status: statusOf(view), ...planWords(view), ...familyOf(view), ...waitingOf(view) }
    : row;
}

/** An attempt that nobody has taken has not begun, whatever its task's state is called. */
function stateOf(view: View): string {
  return "waiting" in view && view.waiting !== undefined ? `${pathOf(view)} (waits)` : pathOf(view);
}

function waitingOf(view: View): Row {
  if (!("waiting" in view) || view.waiting === undefined) return { waiting: undefined };
  const { since, labels, permit } = view.waiting;
  const whatFor =
    permit === undefined
      ? `a host${labels.length === 0 ? "" : ` with ${labels.join(", ")}`}`
      : `a permit${permit === "" ? "" : ` of ${permit}`}`;
  return { waiting: `for ${whatFor}, since ${new Date(since).toISOString()}` };
}

const MOST_SHOWN = 10;

/** Parent and children as addresses, `type/id`; of many children the first. */
function familyOf(view: View): Row {
  const children = Object.entries(view.children ?? {});
  const more = children.length > MOST_SHOWN ? `, and ${children.length - MOST_SHOWN} more` : "";
  const shown = children.slice(0, MOST_SHOWN).map(([name, child]) => `${name}: ${formatAddress(child)}`);
  return {
    ...(view.parent === undefined ? {} : { parent: formatAddress(view.parent) }),
    ...(children.length === 0 ? { children: undefined } : { children: `${shown.join(", ")}${more}` }),
  };
}

/** A change as a line for people, and what is new in it: one that says nothing new is not worth a line. */
export function lineOf(view: View): { readonly line: string; readonly news: string } {
  const { progress, rollback } = planWords(view);
  const at = new Date(view.updatedAt ?? Date.now()).toISOString();
  const words = [at, stateOf(view), progress, rollback, view.error?.message].filter((word) => word !== undefined);
  const news = progress === undefined ? String(view.revision) : [pathOf(view), view.error?.message, milestone(view)].join("  ");
  return { line: words.join("  "), news };
}
