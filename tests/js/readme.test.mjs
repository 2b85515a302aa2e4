/** The README: what it lists of the module is what the module has. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const section = read("example_app/README.md").split("## The page's module")[1].split("\n## ")[0];

/** The first cells of the table with this heading. */
function listed(heading) {
  const table = section.split(`| ${heading} |`)[1].split("\n\n")[0];
  return [...table.matchAll(/^\| `([a-zA-Z]+)/gm)].map(([, name]) => name);
}

describe("README", () => {
  test("lists every method", () => {
    const names = Object.getOwnPropertyNames(HeyGenAvatar.prototype).filter((name) => name !== "constructor");

    assert.deepEqual(listed("method").toSorted(), names.toSorted());
  });

  test("lists every event", () => {
    const files = ["heygen-avatar.js", "heygen-avatar/connection.js", "heygen-avatar/utterance.js"];
    const source = files.map((file) => read(`flask_heygen/static/${file}`)).join("");
    const types = [...source.matchAll(/tell\("(\w+)"/g)].map(([, type]) => type);

    assert.deepEqual(listed("event").toSorted(), [...new Set(types)].toSorted());
  });
});
