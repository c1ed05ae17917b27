import type { Command } from "commander";
import { isTrouble } from "../core/survey.ts";
import { connectOptionsOf, withConnection, withOutput, type ConnectionFlags, type OutputFlags } from "./connection-flags.ts";
import { definitionsOf } from "./entry.ts";
import { EXIT } from "./exit-codes.ts";
import { printRows, say } from "./output.ts";

const COLUMNS = ["finding", "actors", "type", "version", "state", "why", "example"];

/** Whether what is live would go on under the definitions of a file: for the moment before they are deployed. */
export function addCheckCommand(program: Command): void {
  const command = program
    .command("check <entry>")
    .description("compares the definitions that a module exports with what is live: what would run, migrate or park");
  withOutput(withConnection(command)).action(async (entry: string, flags: ConnectionFlags & OutputFlags) => {
    const definitions = await definitionsOf(entry);
    const { check } = await import("../check.ts");
    const { findings, others } = await check(connectOptionsOf(flags), definitions);
    printRows(
      findings.map((finding) => ({ ...finding })),
      COLUMNS,
      flags.output,
    );
    if (others > 0) say(`${others} live actors are of types that ${entry} has not; they were not looked at`);
    const trouble = findings.filter(isTrouble).reduce((sum, { actors }) => sum + actors, 0);
    if (trouble === 0) return;
    say(`${trouble} live actors would not go on: keep their version in \`versions\`, or lead on from it in \`migrate\``);
    process.exitCode = EXIT.refused;
  });
}
