import { credsAuthenticator, jwtAuthenticator, nkeyAuthenticator, type Authenticator } from "@nats-io/nats-core";
import { readFileSync } from "node:fs";
import type { Resolved } from "./connection-options.ts";

/**
 * The files are read anew for each attempt, so that rotated credentials work after a reconnect. resolveOptions has seen that they can
 * be; while one is being replaced, what it held last must do, as nats-core closes for good where an authenticator throws.
 */
export function authenticatorOf({ credsFile, nkeySeedFile, jwt }: Resolved): Authenticator | undefined {
  if (credsFile !== undefined) {
    const creds = lastRead(credsFile);
    return credsAuthenticator(() => creds());
  }
  const file = nkeySeedFile === undefined ? undefined : lastRead(nkeySeedFile);
  const seed = file === undefined ? undefined : () => seedIn(file().toString("utf8"));
  if (jwt !== undefined) return (nonce) => jwtAuthenticator(jwt, seed?.())(nonce);
  return seed === undefined ? undefined : (nonce) => nkeyAuthenticator(seed())(nonce);
}

function lastRead(path: string): () => Buffer {
  let last = readFileSync(path);
  return () => {
    try {
      const now = readFileSync(path);
      if (now.length > 0) last = now;
    } catch {
      // what it held last
    }
    return last;
  };
}

/** A seed alone, or between the lines that nsc and nk write around it. */
function seedIn(text: string): Uint8Array {
  return Buffer.from(/\bS[A-Z][A-Z2-7]{56}\b/.exec(text)?.[0] ?? text.trim());
}
