const PLAIN_TOKEN = /^[A-Za-z0-9_-]+$/;
const TOKEN_FORBIDDEN = /[\s.*>~%\u0000-\u001f\u007f]/g;

/**
 * Any text as one subject token, reversibly: `.` becomes `~` (so XState's `xstate.after.…` stays readable) and what a token may
 * not hold becomes `%` and four hexadecimal digits. Empty text becomes `%`.
 */
export function encodeToken(text: string): string {
  if (PLAIN_TOKEN.test(text)) return text;
  if (text === "") return "%";
  return text.replace(TOKEN_FORBIDDEN, (char) => (char === "." ? "~" : `%${char.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

export function decodeToken(token: string): string {
  if (token === "%") return "";
  return token.replace(/~|%[0-9a-f]{4}/g, (match) => (match === "~" ? "." : String.fromCharCode(Number.parseInt(match.slice(1), 16))));
}
