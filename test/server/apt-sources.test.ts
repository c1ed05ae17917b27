import { expect, test } from "vitest";
import { findArchive, parseDeb822, parseSourcesList } from "../../src/server/apt-sources.ts";

const KEYRING = "/usr/share/keyrings/example.gpg";

test("the one-line format: options, comments, sources of source packages", () => {
  const sources = parseSourcesList(`# deb http://mirror.example/debian old main
deb http://mirror.example/debian bookworm main contrib # ours
deb-src http://mirror.example/debian bookworm main
  deb [arch=amd64 signed-by=${KEYRING}] https://other.example/debian bookworm-updates main
deb [ signed-by=${KEYRING} ] http://flat.example/debian ./ unused

`);
  expect(sources).toEqual([
    { uri: "http://mirror.example/debian", suite: "bookworm", components: ["main", "contrib"], signedBy: undefined },
    { uri: "https://other.example/debian", suite: "bookworm-updates", components: ["main"], signedBy: KEYRING },
    { uri: "http://flat.example/debian", suite: "./", components: ["unused"], signedBy: KEYRING },
  ]);
});

test("deb822: several suites and uris, comments inside, continued lines, disabled entries", () => {
  const sources = parseDeb822(`Types: deb deb-src
# http://snapshot.example
URIs: http://a.example/debian http://b.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: ${KEYRING}

types: deb
uris: http://off.example/debian
suites: bookworm
components: main
enabled: no

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://key.example/debian
Suites: sid
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
`);
  expect(sources.map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
    "http://a.example/debian bookworm",
    "http://a.example/debian bookworm-updates",
    "http://b.example/debian bookworm",
    "http://b.example/debian bookworm-updates",
    "http://key.example/debian sid",
  ]);
  expect(sources.map(({ signedBy }) => signedBy)).toEqual([KEYRING, KEYRING, KEYRING, KEYRING, undefined]);
});

test("the archive is the entry of this machine's own release with main, and no disc", () => {
  const entry = { components: ["main"], signedBy: undefined };
  const sources = [
    { ...entry, uri: "cdrom:[Debian]/", suite: "bookworm" },
    { ...entry, uri: "http://updates.example", suite: "bookworm-updates" },
    { ...entry, uri: "http://contrib.example", suite: "bookworm", components: ["contrib"] },
    { ...entry, uri: "http://right.example", suite: "bookworm" },
  ];
  expect(findArchive(sources, "bookworm")?.uri).toBe("http://right.example");
  expect(findArchive(sources, "trixie")).toBeUndefined();
});
