/** 64 bits of FNV-1a as hexadecimal: enough to tell a handful of versions of a machine apart, or the parents of one type. */
export function hashText(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}
