/** The documentation: what it lists of the module is what the module has. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const pages = ["README.md", "example_app/README.md"].filter((path) => existsSync(new URL(path, root)));
const documentation = pages.map(read).join("\n\n");

/** The first cells of the table with this heading. */
function listed(heading) {
  const table = documentation.split(`| ${heading} |`)[1].split("\n\n")[0];
  return [...table.matchAll(/^\| `([a-zA-Z]+)/gm)].map(([, name]) => name);
}

describe("the documentation", () => {
  test("lists every method", () => {
    const names = Object.getOwnPropertyNames(HeyGenAvatar.prototype).filter((name) => name !== "constructor");

    assert.deepEqual(listed("method").toSorted(), names.toSorted());
  });

  test("lists every event", () => {
    const parts = "flask_heygen/static/heygen-avatar";
    const files = [`${parts}.js`, ...readdirSync(new URL(parts, root)).map((name) => `${parts}/${name}`)];
    const types = files.flatMap((file) => [...read(file).matchAll(/emit\("(\w+)"/g)].map(([, type]) => type));

    assert.deepEqual(listed("event").toSorted(), [...new Set(types)].toSorted());
  });
});
