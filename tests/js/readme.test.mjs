/** The documentation: what it lists of the module is what the module has. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";

import { HeyGenAvatar } from "../../flask_heygen/static/heygen-avatar.js";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const pages = ["README.md", "example_app/README.md"].filter((path) => existsSync(new URL(path, root)));
const documentation = pages.map(read).join("\n\n");

const parts = "flask_heygen/static/heygen-avatar";
const sources = [`${parts}.js`, ...readdirSync(new URL(parts, root)).map((name) => `${parts}/${name}`)].map(read);

/** What the modules' source has at the group of a pattern. @param {RegExp} pattern */
const inSources = (pattern) => new Set(sources.flatMap((source) => [...source.matchAll(pattern)].map(([, found]) => found)));

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
    assert.deepEqual(listed("event").toSorted(), [...inSources(/emit\("(\w+)"/g)].toSorted());
  });

  test("lists every code of an error", () => {
    const tables = documentation.split("| code | what happened |").map((text) => text.split("\n\n")[0]);
    const [, ofServer, ofPage] = tables.map((table) =>
      [...table.matchAll(/^\| (?:\d+ \| )?(`.*?`) \| /gm)].flatMap(([, cell]) => cell.match(/\w+/g)),
    );
    const codes = inSources(/code: "(\w+)"/g);

    assert.deepEqual([...codes].filter((code) => ![...ofServer, ...ofPage].includes(code)), []);
    assert.deepEqual(ofPage.filter((code) => !codes.has(code)), []);
  });
});
