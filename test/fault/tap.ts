import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

/** One protocol message as it passes: its control line's words, whole with its payload. */
export interface Frame {
  /** PUB, HPUB, MSG, HMSG, PING, … */
  readonly verb: string;
  /** "" where the message has none. */
  readonly subject: string;
  readonly reply: string;
  readonly bytes: Buffer;
}

/** What becomes of a frame. `cut` loses it and everything after it on its connection, in both directions. */
export type Verdict = "pass" | "cut" | "pass and cut";

/** Called for every frame, in the order of its direction. */
export type Watch = (frame: Frame, from: "host" | "server") => Verdict;

export interface Tap extends AsyncDisposable {
  readonly port: number;
  /** What the host sends from now on waits on the wire, */
  hold(): void;
  /** and arrives only now. */
  release(): void;
}

/**
 * A TCP proxy between one host and its server that understands the NATS protocol far enough to see each message. That is how a test
 * kills a host at an exact step without a switch in the program: what the host has sent or may still hear is decided here.
 */
export async function startTap(targetPort: number, watch: Watch): Promise<Tap> {
  const open = new Set<Socket>();
  const held: { readonly target: Socket; readonly bytes: Buffer }[] = [];
  let isHolding = false;
  const relay = (from: "host" | "server", source: Socket, target: Socket, pair: { isCut: boolean }): void => {
    const reader = new FrameReader();
    source.on("data", (chunk: Buffer) => {
      for (const frame of reader.read(chunk)) {
        if (pair.isCut) return;
        const verdict = watch(frame, from);
        pair.isCut ||= verdict !== "pass";
        if (verdict === "cut") return;
        if (isHolding && from === "host") held.push({ target, bytes: frame.bytes });
        else target.write(frame.bytes);
      }
    });
    source.on("error", () => {});
    // `end`, not `destroy`: what was let through arrives although its sender is dead.
    source.on("close", () => (open.delete(source), target.end()));
  };
  const server = createServer((host) => {
    const upstream = createConnection(targetPort, "127.0.0.1");
    for (const socket of [host, upstream]) open.add(socket.setNoDelay(true));
    const pair = { isCut: false };
    relay("host", host, upstream, pair);
    relay("server", upstream, host, pair);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hold: () => void (isHolding = true),
    release() {
      isHolding = false;
      for (const { target, bytes } of held.splice(0)) target.write(bytes);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const CRLF = "\r\n";
const PAYLOAD_VERBS = new Set(["PUB", "HPUB", "MSG", "HMSG"]);

/** Bytes into frames. */
class FrameReader {
  #unread: Buffer = Buffer.alloc(0);

  *read(chunk: Buffer): Iterable<Frame> {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    for (;;) {
      const lineEnd = this.#unread.indexOf(CRLF);
      if (lineEnd < 0) return;
      const [verb = "", ...words] = this.#unread.toString("latin1", 0, lineEnd).split(" ");
      const hasPayload = PAYLOAD_VERBS.has(verb);
      const length = lineEnd + CRLF.length + (hasPayload ? Number(words.at(-1)) + CRLF.length : 0);
      if (this.#unread.length < length) return;
      const bytes = this.#unread.subarray(0, length);
      this.#unread = this.#unread.subarray(length);
      yield { verb, ...(hasPayload ? addressed(verb, words) : { subject: "", reply: "" }), bytes };
    }
  }
}

/** `PUB subject [reply] n`, `HPUB subject [reply] h n`, `MSG subject sid [reply] n`, `HMSG subject sid [reply] h n`. */
function addressed(verb: string, words: readonly string[]): { subject: string; reply: string } {
  const fixed = { PUB: 2, HPUB: 3, MSG: 3, HMSG: 4 }[verb] as number;
  const [subject = ""] = words;
  return { subject, reply: words.length > fixed ? (words[verb.endsWith("PUB") ? 1 : 2] as string) : "" };
}
