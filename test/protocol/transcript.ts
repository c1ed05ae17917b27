import type { NatsSocket, WireMessage } from "../support/socket.ts";

/** One step of a transcript: what a client sends, then what it must hear before it goes on. */
export interface Step {
  readonly send: string;
  readonly heard: readonly Expected[];
}

interface Expected {
  readonly verb: string;
  readonly sid: string;
  /** As on the wire, with `…` for any text. */
  readonly pattern: string;
}

/** Lines as they are sent; those that begin with `<` are what comes back, an answer beginning with its protocol verb. */
export function readTranscript(text: string): readonly Step[] {
  const steps: { send: string[]; heard: string[][] }[] = [];
  let sending = false;
  for (const line of text.split("\n")) {
    const answer = /^<(?: (.*))?$/.exec(line);
    if (answer === null) {
      if (!sending) steps.push({ send: [], heard: [] });
      sending = true;
      steps.at(-1)?.send.push(line);
      continue;
    }
    sending = false;
    const words = answer[1] ?? "";
    const step = steps.at(-1);
    if (step === undefined) throw new Error("A transcript begins with what is sent");
    if (/^(MSG|HMSG|PONG)\b/.test(words)) step.heard.push([words]);
    else step.heard.at(-1)?.push(words);
  }
  return steps.map(({ send, heard }) => ({ send: send.map((line) => `${line}\r\n`).join(""), heard: heard.map(expectation) }));
}

function expectation(lines: readonly string[]): Expected {
  const [verb = "", , sid = ""] = (lines[0] as string).split(" ");
  return { verb, sid, pattern: lines.join("\n") };
}

/** What a transcript hears and says again: `$token` and the like. */
const NAMES = /\$(token|owner|ack)\b/g;

/** Plays it; `check` gets what was expected and what came. */
export async function play(socket: NatsSocket, steps: readonly Step[], check: (came: string, pattern: RegExp) => void): Promise<void> {
  const known = new Map<string, string>();
  for (const { send: written, heard } of steps) {
    const send = written.replaceAll(NAMES, (name) => known.get(name) ?? name);
    const ping = "PING\r\n";
    const asks = send.endsWith(ping);
    socket.write(asks ? send.slice(0, -ping.length) : send);
    await socket.flush();
    for (const { verb, sid, pattern } of heard) {
      if (verb !== "PONG") {
        const came = onTheWire(await socket.listen(sid).next());
        const expected = patternOf(pattern, known);
        check(came, expected);
        for (const [name, text] of Object.entries(expected.exec(came)?.groups ?? {})) known.set(`$${name}`, text);
      } else if (!asks) throw new Error("A PONG is expected where no PING was sent");
    }
  }
}

function onTheWire({ subject, sid, reply, headers, status, body, text }: WireMessage): string {
  const names = Object.entries(headers);
  const to = reply === "" ? "" : ` ${reply}`;
  if (names.length === 0 && status === "") return `MSG ${subject} ${sid}${to} ${body.length}\n${text}`;
  const lines = names.map(([name, value]) => `${name}: ${value}\n`).join("");
  return `HMSG ${subject} ${sid}${to} (sizes)\nNATS/1.0${status === "" ? "" : ` ${status}`}\n${lines}\n${text}`;
}

function patternOf(text: string, known: ReadonlyMap<string, string>): RegExp {
  const said = text.replaceAll(NAMES, (name) => known.get(name) ?? name);
  const escaped = said.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll("…", String.raw`[\s\S]*?`);
  return new RegExp(`^${escaped.replaceAll(/\\\$(token|owner|ack)\b/g, String.raw`(?<$1>\S+)`)}$`);
}
