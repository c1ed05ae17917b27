import { execFileSync } from "node:child_process";

const ip = (...args: readonly string[]): void => void execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

/** Nobody has this address: what is sent to it is lost, and no one is told. */
const NOBODY = "02:00:00:00:00:01";

/**
 * Network namespaces on one bridge, one for each server: as separate as machines on a switch, and what breaks between two of them breaks
 * in the kernel, without a proxy. The test's own process reaches all of them.
 */
export class Namespaces implements Disposable {
  readonly #tag = String(process.pid % 10_000);
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
    const bridge = this.#bridge;
    ip("link", "add", bridge, "type", "bridge");
    ip("addr", "add", `${this.addressOf(253)}/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (let n = 0; n < count; n++) this.#add(n);
  }

  addressOf(n: number): string {
    return `10.${200 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}.${n + 1}`;
  }

  /** What stands before a command that is to run there. */
  launcherOf(n: number): string {
    return `ip netns exec ${this.#name(n)}`;
  }

  /** From now on nothing that the first sends reaches the second; the other way stays as it is. */
  block(from: number, to: number): void {
    ip(
      "netns",
      "exec",
      this.#name(from),
      "ip",
      "neigh",
      "replace",
      this.addressOf(to),
      "lladdr",
      NOBODY,
      "dev",
      "eth0",
      "nud",
      "permanent",
    );
  }

  unblock(from: number, to: number): void {
    ip("netns", "exec", this.#name(from), "ip", "neigh", "del", this.addressOf(to), "dev", "eth0");
  }

  [Symbol.dispose](): void {
    for (let n = 0; n < this.#count; n++) ip("netns", "del", this.#name(n));
    ip("link", "del", this.#bridge);
  }

  get #bridge(): string {
    return `tb${this.#tag}`;
  }

  #name(n: number): string {
    return `troupe-${this.#tag}-${n}`;
  }

  #add(n: number): void {
    const name = this.#name(n);
    const end = `tv${this.#tag}-${n}`;
    ip("netns", "add", name);
    ip("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("link", "set", end, "master", this.#bridge, "up");
    for (const [device, ...more] of [["lo"], ["eth0", `${this.addressOf(n)}/24`]]) {
      if (more[0] !== undefined) ip("netns", "exec", name, "ip", "addr", "add", more[0], "dev", device as string);
      ip("netns", "exec", name, "ip", "link", "set", device as string, "up");
    }
  }
}
