import type { Line, StoredWrite } from "./history.ts";
import { stateOf } from "./laws/stock.ts";

const EPOCH_MS = Date.UTC(2027, 0, 1);

/** One line of a history for people: the time in seconds from the beginning, then what happened. */
export function describeLine(line: Line): string {
  const { at, kind, ...rest } = line;
  const time = ((at - EPOCH_MS) / 1_000).toFixed(3).padStart(8);
  if (line.kind === "stored") return `${time} stored by ${line.host ?? "somebody"}: ${line.writes.map(describeWrite).join(", ")}`;
  const words = Object.entries(rest).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `${time} ${kind} ${words.join(", ")}`;
}

function describeWrite(write: StoredWrite): string {
  const { kind, actor } = write;
  switch (kind) {
    case "record": {
      const { revision, epoch, status, marks, activities, timers, parked, permit } = write.record;
      const more = [
        ...Object.entries(marks).map(([source, mark]) => `${source}≤${mark}`),
        ...Object.entries(activities).map(
          ([name, { input, reruns }]) => `${name}(${JSON.stringify(input)}${reruns > 0 ? `, again ${reruns}` : ""})`,
        ),
        ...Object.entries(timers).map(([name, { keeper }]) => `${name}@${keeper}`),
        ...(permit === undefined ? [] : [`permit: ${permit.stance}`]),
        ...(parked === undefined ? [] : [`parked: ${parked.reason}`]),
      ];
      return `${actor} r${revision} e${epoch} ${status} ${stateOf(write.record)} [${more.join(" ")}]`;
    }
    case "turn":
      return `turn ${write.revision}`;
    case "mail":
      return `${write.lane} mail to ${actor} ${write.message}`;
    case "timer":
    case "cancelTimer":
      return `${kind} ${write.timer} of ${actor}`;
    case "ticket":
    case "cancelTicket":
      return `${kind} ${write.stand} ${write.name} of ${actor}`;
    case "dead":
      return `dead letter for ${actor}: ${write.code}`;
  }
}
