/** The declarations for TypeScript. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";

import { committed, compile, declarations } from "./declarations.mjs";

const MODULE = fileURLToPath(new URL("../../flask_heygen/static/types/heygen-avatar", import.meta.url));

/** Compile a page against the declarations alone. */
function check(page) {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  const file = join(folder, "page.ts");
  writeFileSync(file, `import { AvatarError, HeyGenAvatar, type Events } from "${MODULE}";\n${page}`);
  try {
    compile("--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--target", "ES2022", "--module", "ESNext", "--moduleResolution", "bundler", "--types", "", file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("the declarations", () => {
  test("are those of the module: npm run declarations makes them", () => {
    assert.deepEqual(committed(), declarations());
  });

  test("let a page in TypeScript compile", () => {
    check(`
      const avatar = new HeyGenAvatar({ idleMinutes: 5, headers: async () => ({ Authorization: "Bearer …" }) });
      avatar.addEventListener("heard", (event) => {
        const { text, final }: Events["heard"] = (event as CustomEvent<Events["heard"]>).detail;
        console.log(text.trim(), final);
      });
      const by: "avatar" | "browser" | null = await avatar.speak("Hello.");
      await avatar.listen({ bargeIn: true }).catch((error: AvatarError) => console.log(error.code, by));
      export {};
    `);
  });

  test("refuse what the module does not have", () => {
    assert.throws(() => check(`await new HeyGenAvatar().say("Hello."); export {};`));
    assert.throws(() => check(`new HeyGenAvatar({ video: document.querySelector("video") }); export {};`)); // may be null
  });
});
