/**
 * Which partition an actor belongs to. The same function as the server's `partition(n, type, id)` subject transform
 * (FNV-1a, 32 bit, over the tokens without a separator), so that what the server places and what a host computes agree;
 * pinned against a real server by test/nats/placement.test.ts. The count is fixed when the streams are created.
 */
export function partitionOf(type: string, id: string, partitions: number): number {
  return (hashText(id, hashText(type, FNV_OFFSET)) >>> 0) % partitions;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return hashBytes(Buffer.from(text.slice(i)), hash);
    hash = Math.imul(hash ^ unit, FNV_PRIME);
  }
  return hash;
}

function hashBytes(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash;
}
