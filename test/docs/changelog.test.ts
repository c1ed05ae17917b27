import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readPage, ROOT } from "./page.ts";

const { text } = readPage("CHANGELOG.md");
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as { version: string };
const releases = [...text.matchAll(/^## \[(.+?)\](?: - (.+))?$/gm)].map(([, name, date]) => ({ name: name as string, date }));

describe("the changelog", () => {
  it("has Unreleased on top", () => {
    expect(releases[0]).toEqual({ name: "Unreleased", date: undefined });
  });

  it("dates every release, newest first, and knows none that the package has not reached", () => {
    for (const { name, date } of releases.slice(1)) {
      expect(name).toMatch(/^\d+\.\d+\.\d+/);
      expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    }
    const days = releases.slice(1).map(({ date }) => Date.parse(date ?? ""));
    expect(days).toEqual(days.toSorted((a, b) => b - a));
    expect([undefined, version]).toContain(releases[1]?.name);
  });

  it("uses the headings of Keep a Changelog", () => {
    const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    for (const heading of headings) expect(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]).toContain(heading);
  });
});
