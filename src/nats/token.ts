import { createHash } from "node:crypto";

const PLAIN_TOKEN = /^[A-Za-z0-9_-]+$/;
const TOKEN_FORBIDDEN = /[\s.*>~%\u0000-\u001f\u007f]/g;

/**
 * A token may have so many bytes. nats-server ends a connection that sends a subject longer than its `max_control_line` (4,096), and
 * sending it again would end the next.
 */
const MOST_TOKEN_BYTES = 1_024;
const DIGEST_CHARS = 32;

/**
 * Any text as one subject token, reversibly: `.` becomes `~` (so XState's `xstate.after.…` stays readable) and what a token may
 * not hold becomes `%` and four hexadecimal digits. Empty text becomes `%`. What would be too long is cut, and ends in `%%` and a hash
 * of all of it: whoever must know the whole text finds it in the message.
 */
export function encodeToken(text: string): string {
  if (text.length <= MOST_TOKEN_BYTES && PLAIN_TOKEN.test(text)) return text;
  if (text === "") return "%";
  const token = encoded(text);
  return Buffer.byteLength(token) <= MOST_TOKEN_BYTES ? token : shortened(text);
}

function encoded(text: string): string {
  return text.replace(TOKEN_FORBIDDEN, (char) => (char === "." ? "~" : `%${char.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

/** Cut between characters, so that no half of one is left. `%` never stands twice in what is not cut. */
function shortened(text: string): string {
  let bytes = 2 + DIGEST_CHARS;
  let head = "";
  for (const char of text.slice(0, MOST_TOKEN_BYTES)) {
    const token = encoded(char);
    bytes += Buffer.byteLength(token);
    if (bytes > MOST_TOKEN_BYTES) break;
    head += token;
  }
  return `${head}%%${createHash("sha256").update(text).digest("hex").slice(0, DIGEST_CHARS)}`;
}

export function decodeToken(token: string): string {
  if (token === "%") return "";
  return token.replace(/~|%[0-9a-f]{4}/g, (match) => (match === "~" ? "." : String.fromCharCode(Number.parseInt(match.slice(1), 16))));
}
