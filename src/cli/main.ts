#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { VERSION } from "../version.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { printError, type Format } from "./output.ts";
import { addServerCommands } from "./server-commands.ts";
import { addCheckCommand } from "./check-command.ts";
import { addHealthCommand } from "./health-command.ts";
import { addHostCommands } from "./host-commands.ts";
import { addHostsCommand } from "./hosts-command.ts";
import { addTaskCommands } from "./task-commands.ts";

/** The whole command line. Its actions load what they need when they run, so that `--version` and `--help` are quick. */
export function programOf(): Command {
  const program = new Command("troupe")
    .description("Durable actors and tasks on NATS JetStream")
    .version(VERSION)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  addHostCommands(program);
  addHostsCommand(program);
  addHealthCommand(program);
  addCheckCommand(program);
  addTaskCommands(program);
  addServerCommands(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** Runs one command line; resolves to its exit code. */
export async function run(argv: string[]): Promise<number> {
  process.exitCode = EXIT.ok;
  try {
    await programOf().parseAsync(argv);
    return process.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    printError(error, formatIn(argv));
    const { code } = error as { code?: unknown };
    return typeof code === "string" ? exitCodeOf(code) : EXIT.failed;
  }
}

/** The format that was asked for, also where the command failed before it could read its options. */
function formatIn(argv: readonly string[]): Format {
  const at = argv.findIndex((word) => word === "-o" || word === "--output");
  const word = argv[at + 1];
  return at >= 0 && (word === "json" || word === "jsonl") ? word : "table";
}

process.exitCode = await run(process.argv);
