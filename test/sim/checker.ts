import type { Line } from "./history.ts";
import { permits } from "./laws/permits.ts";
import { Stock } from "./laws/stock.ts";
import { acknowledgedWhenStored, chain, fence, mark, oneEnd } from "./laws/storage.ts";
import { atMostOnce, attempts, committedFirst, limit } from "./laws/work.ts";
import { generation, heard, orphan, settled, timer } from "./laws/rest.ts";

/** What was broken, where: the index of the line at which it showed. */
export interface Breach {
  readonly law: LawName;
  readonly message: string;
  readonly line: number;
}

/** One law: looks at every line before the stock takes note of it, and at the end of the history. Returns what is broken, in words. */
export interface Law {
  readonly line?: (line: Line, stock: Stock) => Iterable<string> | undefined;
  readonly end?: (stock: Stock, lastAt: number) => Iterable<string>;
}

/**
 * | law               | what it demands                                                                                        |
 * |-------------------|--------------------------------------------------------------------------------------------------------|
 * | `fence`           | what is stored of a partition is stored under the fence that holds                                     |
 * | `chain`           | an actor's records are one unbroken chain of revisions: no fork, no gap, nothing after its end         |
 * | `one-end`         | every accepted start comes to an end, exactly one                                                      |
 * | `mark`            | what was absorbed stays absorbed: no record forgets the mail that an earlier one took in               |
 * | `kept`            | a start is acknowledged only once what it caused is stored                                             |
 * | `committed-first` | answers, actions, emitted events, and work that must not be repeated come after the record they rest on |
 * | `at-most-once`    | work that must not be repeated is begun once, and again only after its failure was seen                |
 * | `attempts`        | the attempts of a task are numbered: no number comes twice under one fence                             |
 * | `limit`           | a host runs no more at once than it may                                                                |
 * | `permits`         | of a limited type, or one of its keys, no more work at once than may, and no permit is lost            |
 * | `generation`      | nobody hears of what it had left                                                                       |
 * | `heard`           | what was sent is heard exactly once, in the order of its sender                                        |
 * | `orphan`          | in the end no child lives whose parent is gone, and no parent waits for a child that is not there       |
 * | `timer`           | in the end no timer is overdue, and none is left whose actor does not wait for it                      |
 * | `settled`         | once nothing goes wrong, everything comes to rest, as it must                                          |
 */
const LAWS = {
  fence,
  chain,
  "one-end": oneEnd,
  mark,
  kept: acknowledgedWhenStored,
  "committed-first": committedFirst,
  "at-most-once": atMostOnce,
  attempts,
  limit,
  permits,
  generation,
  heard,
  orphan,
  timer,
  settled,
} as const satisfies Record<string, () => Law>;

export type LawName = keyof typeof LAWS;
export const LAW_NAMES = Object.keys(LAWS) as readonly LawName[];

/** Walks a history once. Shares nothing with the runtime that made it. `without`: laws that its recorder could not see enough for. */
export function check(lines: readonly Line[], without: readonly LawName[] = []): readonly Breach[] {
  const breaches: Breach[] = [];
  const stock = new Stock();
  const laws = LAW_NAMES.filter((name) => !without.includes(name)).map((name) => [name, LAWS[name]()] as const);
  lines.forEach((line, index) => {
    for (const [law, { line: look }] of laws) for (const message of look?.(line, stock) ?? []) breaches.push({ law, message, line: index });
    stock.take(line);
  });
  const lastAt = lines.at(-1)?.at ?? 0;
  for (const [law, { end }] of laws) for (const message of end?.(stock, lastAt) ?? []) breaches.push({ law, message, line: lines.length });
  return breaches;
}
