import { createConnection, type Socket } from "node:net";
import { DEADLINE_MS, MessageQueue, within, type Listening, type WireMessage } from "./listening.ts";

export type { Listening, WireMessage } from "./listening.ts";

const CRLF = "\r\n";

/**
 * The NATS protocol over a bare TCP socket, as a program in any language would speak it: no client library stands behind it.
 * Any `-ERR` of the server fails whoever waits then or later.
 */
export class NatsSocket implements Disposable {
  readonly #socket: Socket;
  readonly #heard = new Map<string, MessageQueue>();
  #unread: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #pongs: (() => void)[] = [];
  #nextSid = 1;
  info: Readonly<Record<string, unknown>> = {};

  /** Opens the socket and waits for the server's INFO; nothing has been sent yet. */
  static async open(port: number): Promise<NatsSocket> {
    const socket = createConnection(port, "127.0.0.1");
    const opened = new NatsSocket(socket);
    await within("INFO", DEADLINE_MS, (resolve, reject) => {
      opened.#onInfo = resolve;
      socket.once("error", reject);
    });
    return opened;
  }

  static async connect(port: number, token?: string): Promise<NatsSocket> {
    const opened = await NatsSocket.open(port);
    const options = {
      verbose: false,
      pedantic: false,
      headers: true,
      no_responders: true,
      lang: "test",
      version: "1",
      ...(token === undefined ? {} : { auth_token: token }),
    };
    opened.write(`CONNECT ${JSON.stringify(options)}${CRLF}`);
    await opened.flush();
    return opened;
  }

  #onInfo: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
    socket.on("error", (error) => this.#fail(error));
  }

  write(text: string | Buffer): void {
    this.#socket.write(text);
  }

  /** Everything that was written before has been handled by the server. @throws what the server said against it */
  async flush(): Promise<void> {
    this.write(`PING${CRLF}`);
    await within("PONG", DEADLINE_MS, (resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      this.#pongs.push(() => (this.#failure === undefined ? resolve() : reject(this.#failure)));
    });
  }

  subscribe(subject: string): Listening {
    const sid = `t${this.#nextSid++}`;
    const queue = this.listen(sid);
    this.write(`SUB ${subject} ${sid}${CRLF}`);
    return queue;
  }

  /** What comes for a subscription that was written as raw text. */
  listen(sid: string): Listening {
    const existing = this.#heard.get(sid);
    if (existing !== undefined) return existing;
    const queue = new MessageQueue(`a message for subscription ${sid}`, this.#failure);
    this.#heard.set(sid, queue);
    return queue;
  }

  publish(
    subject: string,
    body: string | Buffer = "",
    options: { readonly reply?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): void {
    const reply = options.reply === undefined ? "" : ` ${options.reply}`;
    const bytes = Buffer.from(body);
    const lines = Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}${CRLF}`);
    const head = lines.length === 0 ? "" : `NATS/1.0${CRLF}${lines.join("")}${CRLF}`;
    const sizes =
      head === ""
        ? `PUB ${subject}${reply} ${bytes.length}`
        : `HPUB ${subject}${reply} ${Buffer.byteLength(head)} ${Buffer.byteLength(head) + bytes.length}`;
    this.write(Buffer.concat([Buffer.from(sizes + CRLF + head), bytes, Buffer.from(CRLF)]));
  }

  /** One request, one answer; the values of an object go as JSON. */
  async request(subject: string, body: unknown = "", headers: Readonly<Record<string, string>> = {}): Promise<WireMessage> {
    const inbox = `_INBOX.bare.${process.pid}.${this.#nextSid}`;
    const answers = this.subscribe(inbox);
    this.publish(subject, typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body), { reply: inbox, headers });
    return answers.next();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const queue of this.#heard.values()) queue.fail(this.#failure);
    for (const told of this.#pongs.splice(0)) told();
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (let end = this.#unread.indexOf(CRLF); end >= 0; end = this.#unread.indexOf(CRLF)) {
      const line = this.#unread.toString("utf8", 0, end);
      const [verb = "", ...words] = line.split(" ");
      if (verb === "MSG" || verb === "HMSG") {
        if (!this.#message(verb === "HMSG", words, end + CRLF.length)) return;
      } else {
        this.#unread = this.#unread.subarray(end + CRLF.length);
        this.#control(verb, line);
      }
    }
  }

  #control(verb: string, line: string): void {
    if (verb === "PING") this.write(`PONG${CRLF}`);
    else if (verb === "PONG") this.#pongs.shift()?.();
    else if (verb === "-ERR") this.#fail(new Error(line));
    else if (verb === "INFO") {
      this.info = JSON.parse(line.slice("INFO ".length)) as Record<string, unknown>;
      this.#onInfo();
    }
  }

  /** `MSG subject sid [reply] bytes`, `HMSG subject sid [reply] head-bytes bytes`. `false`: not all of it has come yet. */
  #message(hasHead: boolean, words: readonly string[], from: number): boolean {
    const size = Number(words.at(-1));
    if (this.#unread.length < from + size + CRLF.length) return false;
    const headSize = hasHead ? Number(words.at(-2)) : 0;
    const [subject = "", sid = "", ...rest] = words;
    const reply = rest.length > (hasHead ? 2 : 1) ? (rest[0] as string) : "";
    const [first = "", ...lines] = this.#unread.toString("utf8", from, from + headSize).split(CRLF);
    const headers = Object.fromEntries(
      lines.filter((line) => line !== "").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const body = Buffer.from(this.#unread.subarray(from + headSize, from + size));
    this.#unread = this.#unread.subarray(from + size + CRLF.length);
    const text = body.toString("utf8");
    const queue = this.listen(sid) as MessageQueue;
    queue.add({
      subject,
      sid,
      reply,
      headers,
      status: first.split(" ")[1] ?? "",
      body,
      text,
      json: (): never => JSON.parse(text) as never,
    });
    return true;
  }
}
