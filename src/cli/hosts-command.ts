import type { Command } from "commander";
import type { HostView } from "../host-view.ts";
import { connectOptionsOf, withConnection, withOutput, type ConnectionFlags, type OutputFlags } from "./connection-flags.ts";
import { printRows, say, type Format, type Row } from "./output.ts";

const COLUMNS = ["id", "phase", "partitions", "labels", "slots", "types", "release", "sign"];

/** Who runs the actors. */
export function addHostsCommand(program: Command): void {
  const command = program.command("hosts").description("hosts that live, what each can run and which partitions it has");
  withOutput(withConnection(command)).action(showHosts);
}

async function showHosts(flags: ConnectionFlags & OutputFlags): Promise<void> {
  const { connect } = await import("../connect.ts");
  await using client = await connect(connectOptionsOf(flags));
  const { hosts, unowned } = await client.hosts();
  printRows(
    hosts.map((host) => rowOf(host, flags.output)),
    COLUMNS,
    flags.output,
  );
  if (unowned.length > 0)
    say(
      `no host has ${unowned.length === 1 ? "partition" : "partitions"} ${rangesOf(unowned)}; a host that lives takes what is free within seconds`,
    );
}

function rowOf(host: HostView, format: Format): Row {
  if (format !== "table") return host as unknown as Row;
  const { partitions, labels, types, signAt } = host;
  return {
    ...host,
    partitions: rangesOf(partitions),
    labels: labels.join(" "),
    types: Object.entries(types)
      .map(([name, versions]) => `${name}@${Object.keys(versions).join(",")}`)
      .join(" "),
    sign: new Date(signAt).toISOString(),
  };
}

/** `0-3 7`. */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const each of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === each - 1) last[1] = each;
    else ranges.push([each, each]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(" ");
}
