import { expect, test } from "vitest";
import { partsOf, ROWS } from "./rows.ts";
import { scenes } from "./scenes/index.ts";

const parts = scenes.flatMap((scene) => [...partsOf(scene.machine(() => {}))]);

/** A row that nothing plays is a promise that nothing holds us to. */
test.each(Object.entries(ROWS))("a scene has it: %s", (_row, is) => {
  expect(parts.some((part) => is(part))).toBe(true);
});

test("no built-in action in a scene is without a row", () => {
  const types = new Set(parts.flatMap(({ action }) => (action?.type?.startsWith("xstate.") === true ? [action] : [])));
  const rowless = [...types].filter((action) => !Object.values(ROWS).some((is) => is({ action })));
  expect(rowless.map(({ type }) => type)).toEqual([]);
});
