import { createWriteStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { findOnPath } from "./installed.ts";
import type { OnProgress } from "./progress.ts";
import { runProgram } from "./run-program.ts";
import type { Search } from "./search.ts";

/** `unreachable`: nobody answered. `refused`: somebody answered, and not with the file. */
export type Download =
  | { readonly kind: "done" }
  | { readonly kind: "unreachable"; readonly detail: string }
  | { readonly kind: "refused"; readonly detail: string };

const CONNECT_DEADLINE_MS = 10_000;
const TOTAL_DEADLINE_MS = 120_000;
/** curl's exit code for an HTTP status of 400 and above under --fail. */
const CURL_HTTP_ERROR = 22;

/**
 * Fetches a file, within two minutes. Node 20's fetch knows no proxies, so behind one curl does it.
 * @throws the signal's reason; errors of the file system
 */
export async function download(url: string, path: string, search: Search): Promise<Download> {
  const proxy = search.env["HTTPS_PROXY"] ?? search.env["https_proxy"];
  const curl = url.startsWith("https:") && proxy !== undefined && proxy !== "" ? await findOnPath("curl", search.env) : undefined;
  return curl === undefined ? fetchFile(url, path, search) : curlFile(curl, url, path, search);
}

async function curlFile(curl: string, url: string, path: string, { env, signal }: Search): Promise<Download> {
  const connectS = String(CONNECT_DEADLINE_MS / 1000);
  const totalS = String(TOTAL_DEADLINE_MS / 1000);
  const args = ["-fsSL", "--connect-timeout", connectS, "--max-time", totalS, "-o", path, url];
  const result = await runProgram(curl, args, { env, signal, timeoutMs: TOTAL_DEADLINE_MS + CONNECT_DEADLINE_MS });
  if (result.kind === "ok") return { kind: "done" };
  const isHttp = result.kind === "failed" && result.exitCode === CURL_HTTP_ERROR;
  return { kind: isHttp ? "refused" : "unreachable", detail: result.detail };
}

async function fetchFile(url: string, path: string, { signal, onProgress }: Search): Promise<Download> {
  const noAnswer = new AbortController();
  const connecting = setTimeout(() => noAnswer.abort(new Error(`no answer after ${CONNECT_DEADLINE_MS / 1000} s`)), CONNECT_DEADLINE_MS);
  const signals = [noAnswer.signal, AbortSignal.timeout(TOTAL_DEADLINE_MS), ...(signal === undefined ? [] : [signal])];
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    clearTimeout(connecting);
    if (!response.ok || response.body === null) return { kind: "refused", detail: `${url} answered ${response.status}` };
    const totalBytes = Number(response.headers.get("content-length")) || undefined;
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    await pipeline(body, countBytes(totalBytes, onProgress), createWriteStream(path));
    return { kind: "done" };
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "unreachable", detail: `${url}: ${rootMessage(error)}` };
  } finally {
    clearTimeout(connecting);
  }
}

function countBytes(totalBytes: number | undefined, onProgress: OnProgress): Transform {
  let receivedBytes = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      receivedBytes += chunk.byteLength;
      onProgress({ kind: "download", receivedBytes, totalBytes });
      done(null, chunk);
    },
  });
}

/** fetch says "fetch failed"; why is in the causes. */
function rootMessage(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause !== undefined) deepest = deepest.cause;
  if (!(deepest instanceof Error)) return String(deepest);
  return deepest.message || ((deepest as NodeJS.ErrnoException).code ?? deepest.name); // an AggregateError has no message
}
