/** The oldest browsers that the module is for: Chrome and Edge 94, Firefox 93 and Safari 15.
 *
 * The built-ins of JavaScript are checked by the compiler (`lib` in example_app/tsconfig.json), and what
 * those browsers lack of the rest, every test here does without: see `Page` in page.mjs.
 */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, test } from "node:test";

const { parse } = createRequire(new URL("../../example_app/package.json", import.meta.url))("acorn");
const folder = new URL("../../flask_heygen/static/", import.meta.url);
const files = ["heygen-avatar.js", ...readdirSync(new URL("heygen-avatar", folder)).map((name) => `heygen-avatar/${name}`)];

/** Every node of a syntax tree. */
function* nodes(tree) {
  if (typeof tree?.type === "string") yield tree;
  for (const part of Object.values(tree ?? {})) if (part && typeof part === "object") yield* nodes(part);
}

/** What Safari 15 cannot read of ES2022, which it has most of. */
function newer({ type, operator, left, regex }) {
  return type === "StaticBlock" || (operator === "in" && left?.type === "PrivateIdentifier") || /[dv]/.test(regex?.flags ?? "");
}

describe("the syntax", () => {
  for (const file of files) {
    test(`of ${file} is one that they read`, () => {
      const script = readFileSync(new URL(file, folder), "utf8");
      const tree = parse(script, { ecmaVersion: 2022, sourceType: "module", allowAwaitOutsideFunction: false });

      assert.deepEqual([...nodes(tree)].filter(newer), []);
    });
  }
});
