import { Option, type Command } from "commander";
import type { Client, ListFilter } from "../client.ts";
import { parseAddress } from "../core/address.ts";
import type { Duration } from "../core/duration.ts";
import { checkEvent, type ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import type { Ref } from "../ref.ts";
import { hasEnded, STATUSES, statusOf, type View } from "../view.ts";
import { withClient, withConnection, withOutput, type ConnectionFlags, type OutputFlags } from "./connection-flags.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { printOne, printRows, say, type Format, type Row } from "./output.ts";
import { columnsOf, lineOf, LONG, rowOf, SHORT } from "./view-rows.ts";
import { readInput, submitOne, submitLines, type SubmitFlags } from "./submit.ts";

type Flags = ConnectionFlags & OutputFlags;

/** Commands for whoever submits, watches and operates tasks. */
export function addTaskCommands(program: Command): void {
  addSubmit(program);
  withOutput(withConnection(program.command("get <type/id>").description("one task or actor, as it is now"))).action(
    async (key: string, flags: Flags) => withClient(flags, async (client) => show(await known(refOf(client, key)), flags)),
  );
  addList(program);
  withOutput(
    withConnection(program.command("watch <type/id>").description("a task or actor now and after every change, until it has ended")),
  ).action(watch);
  withOutput(
    withConnection(program.command("cancel <type/id> [reason]").description("in any state, any number of times; the first reason is kept")),
  ).action(async (key: string, reason: string | undefined, flags: Flags) => operate(key, flags, (ref) => ref.cancel(reason)));
  withOutput(withConnection(program.command("retry <type/id>").description("takes a parked task or actor up again")))
    .option("--drop", "without what its machine threw at, which becomes a dead letter")
    .action(async (key: string, flags: Flags & { readonly drop?: true }) =>
      withClient(flags, async (client) =>
        show((await client.ask(`retry.${key.replace("/", ".")}`, flags.drop === true ? { drop: true } : {})) as View, flags),
      ),
    );
  addSend(program);
  addDeadLetters(program);
}

function addSubmit(program: Command): void {
  const command = program
    .command("submit <type> [input]")
    .description("submits a task; the input is JSON, @file, or - for standard input")
    .option("--id <id>", "the same id again is the same task")
    .addOption(new Option("--priority <lane>", "high, normal or low").choices(["high", "normal", "low"]).default("normal"))
    .option("--delay <duration>", "not before that long, such as 30s")
    .option("--deadline <instant>", "RFC 3339; not started by then means expired")
    .option("--lines <file>", "one task for each line of JSON; - for standard input")
    .option("--wait", "wait for the result")
    .option("--timeout <duration>", "how long to wait");
  withOutput(withConnection(command)).action(async (type: string, input: string | undefined, flags: Flags & SubmitFlags) =>
    withClient(flags, async (client) => {
      process.exitCode =
        flags.lines === undefined ? await submitOne(client, type, input, flags) : await submitLines(client, type, flags.lines, flags);
    }),
  );
}

function addSend(program: Command): void {
  const command = program
    .command("send <type/id> <event>")
    .description("sends an event; JSON with a type, @file, or - for standard input")
    .option("--ask", "wait for what the machine sends to the event's replyTo")
    .option("--timeout <duration>", "how long to wait");
  withOutput(withConnection(command)).action(
    async (key: string, event: string, flags: Flags & { readonly ask?: true; readonly timeout?: Duration }) =>
      withClient(flags, async (client) => {
        const ref = refOf(client, key);
        const told = checkEvent(await readInput(event), ref.key);
        if (flags.ask === true)
          printAnswer(await ref.ask(told, flags.timeout === undefined ? {} : { timeout: flags.timeout }), flags.output);
        else {
          await known(ref);
          await ref.send(told);
          printOne({ ...ref.address, sent: told.type }, ["type", "id", "sent"], flags.output);
        }
      }),
  );
}

function printAnswer(answer: ActorEvent, format: Format): void {
  printOne(answer, Object.keys(answer), format);
}

function addList(program: Command): void {
  const command = program
    .command("ls")
    .description("tasks and actors with a stored record")
    .option("--type <type>", "only of this type")
    .option("--state <state>", "only in this state: a task's, or a machine's such as paying.asked")
    .addOption(new Option("--status <status>", "only with this status").choices(STATUSES));
  withOutput(withConnection(command)).action(async (flags: Flags & Omit<ListFilter, "signal">) =>
    withClient(flags, async (client) => {
      const rows: Row[] = [];
      const filter = {
        ...(flags.type === undefined ? {} : { type: flags.type }),
        ...(flags.state === undefined ? {} : { state: flags.state }),
        ...(flags.status === undefined ? {} : { status: flags.status }),
      };
      for await (const view of client.list(filter)) {
        if (flags.output === "jsonl") printRows([rowOf(view, "jsonl")], SHORT, "jsonl");
        else rows.push(rowOf(view, flags.output));
      }
      if (flags.output !== "jsonl") printRows(rows, columnsOf(rows), flags.output);
    }),
  );
}

async function watch(key: string, flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const ref = refOf(client, key);
    let last = await known(ref);
    let said = last.revision === 0 ? showChange(last, flags) : "";
    for await (const view of ref.watch()) {
      last = view;
      said = showChange(view, flags, said);
      if (hasEnded(view)) break;
    }
    process.exitCode = exitCodeOfView(last);
  });
}

/** For people a line where there is something new to say; what was said last. */
function showChange(view: View, { output }: Flags, said = ""): string {
  if (output !== "table") {
    printRows([rowOf(view, "jsonl")], SHORT, "jsonl");
    return "";
  }
  const { line, news } = lineOf(view);
  if (news !== said) process.stdout.write(`${line}\n`);
  return news;
}

async function operate(key: string, flags: Flags, act: (ref: Ref) => Promise<void>): Promise<void> {
  await withClient(flags, async (client) => {
    const ref = refOf(client, key);
    await known(ref);
    await act(ref);
    show(await known(ref), flags);
  });
}

const DEAD = ["type", "id", "name", "lane", "code", "message"];

function addDeadLetters(program: Command): void {
  const dead = program.command("dead").description("envelopes that no actor could take");
  withOutput(
    withConnection(dead.command("ls").description("lists them with their reasons").option("--type <type>", "only of this type")),
  ).action(async (flags: Flags & { readonly type?: string }) =>
    withClient(flags, async (client) => {
      const { letters, more } = (await client.ask("dead.list", flags.type === undefined ? {} : { type: flags.type })) as {
        letters: Row[];
        more: boolean;
      };
      printRows(letters, DEAD, flags.output);
      if (more) say("There are more.");
    }),
  );
  for (const [verb, words] of [
    ["replay", "sends one again the way it came"],
    ["discard", "removes one"],
  ] as const) {
    withOutput(withConnection(dead.command(`${verb} <type/id> <name>`).description(words))).action(
      async (key: string, name: string, flags: Flags) =>
        withClient(flags, async (client) => {
          const { type, id } = parseAddress(key);
          const answer = (await client.ask(`${verb}.${type}.${id}.${name}`)) as Row;
          if (verb === "discard" && answer["discarded"] === false)
            throw new TroupeError("unknown_id", `There is no dead letter ${name} of ${key}`, { about: key });
          printOne({ type, id, name, ...answer }, ["type", "id", "name", "replayed", "discarded"], flags.output);
        }),
    );
  }
}

function refOf(client: Client, key: string): Ref {
  const { type, id } = parseAddress(key);
  return client.ref(type, id);
}

/** @throws unknown_id */
async function known(ref: Ref): Promise<View> {
  const view = await ref.get();
  if (view === undefined) throw new TroupeError("unknown_id", `There is no task ${ref.key}`, { about: ref.key });
  return view;
}

/** 0 for done; what a failure means otherwise. */
function exitCodeOfView(view: View): number {
  const status = statusOf(view);
  if (status === "done") return EXIT.ok;
  if (status === "stopped") return EXIT.cancelled;
  return view.error?.code === undefined ? EXIT.failed : exitCodeOf(view.error.code);
}

function show(view: View, flags: Flags): void {
  printOne(rowOf(view, flags.output), LONG, flags.output);
}
