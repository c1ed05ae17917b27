import type { MsgHdrs } from "@nats-io/nats-core";
import { NATS_HEADERS, type Names } from "./names.ts";

/**
 * A header block that is encoded once and sent as often as wanted. nats-core calls nothing but `encode()` on the headers of a
 * publish (nats-core/lib/protocol.js, `publish`); test/nats/batch.test.ts pins that what we encode is what the server reads.
 */
export class HeaderBlock {
  readonly bytes: Uint8Array;

  constructor(lines: string) {
    this.bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`);
  }

  encode(): Uint8Array {
    return this.bytes;
  }

  asHeaders(): MsgHdrs {
    return this as unknown as MsgHdrs;
  }
}

export function line(name: string, value: string | number): string {
  return `${name}: ${value}\r\n`;
}

const FORBIDDEN_VALUE = /[\r\n]/g;

/** A letter's own headers; line breaks, which would smuggle in a header, become spaces. */
export function letterLines(headers: Readonly<Record<string, string>> | undefined): string {
  if (headers === undefined) return "";
  let lines = "";
  for (const name in headers) lines += line(name, (headers[name] as string).replace(FORBIDDEN_VALUE, " "));
  return lines;
}

export function fenceLines(names: Names, partition: number, fence: number): string {
  return line(NATS_HEADERS.expectedSequence, fence) + line(NATS_HEADERS.expectedSubject, names.own(partition));
}

/** JetStream counts a message's time to live in whole seconds. */
export function ttlLine(ttlMs: number): string {
  return line(NATS_HEADERS.ttl, Math.max(1, Math.ceil(ttlMs / 1000)));
}

/**
 * Blocks that hold nothing but a fence and perhaps a time to live: most commits are one record, and those of a partition share
 * their headers for as long as its lease lasts.
 */
export class FenceBlocks {
  readonly #names: Names;
  readonly #byPartition = new Map<number, { readonly fence: number; readonly byTtl: Map<number, HeaderBlock> }>();

  constructor(names: Names) {
    this.#names = names;
  }

  of(partition: number, fence: number, ttlMs: number | undefined): HeaderBlock {
    let entry = this.#byPartition.get(partition);
    if (entry === undefined || entry.fence !== fence) {
      entry = { fence, byTtl: new Map() };
      this.#byPartition.set(partition, entry);
    }
    const key = ttlMs ?? 0;
    let block = entry.byTtl.get(key);
    if (block === undefined) {
      if (entry.byTtl.size >= MAX_TTLS) entry.byTtl.clear();
      block = new HeaderBlock(fenceLines(this.#names, partition, fence) + (ttlMs === undefined ? "" : ttlLine(ttlMs)));
      entry.byTtl.set(key, block);
    }
    return block;
  }
}

/** Retention is set per type, so there are few; a program that makes them up per actor must not fill the memory. */
const MAX_TTLS = 64;
