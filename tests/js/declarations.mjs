/** TypeScript's declarations of the module, made from its JSDoc: `npm run declarations`. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const example = join(root, "example_app");
/** What a page can name: the module, and the error that it exports. */
const FILES = ["heygen-avatar.d.ts", "heygen-avatar/avatar-error.d.ts"];

export const committed = () => FILES.map((file) => readFileSync(join(root, "flask_heygen/static/types", file), "utf8"));

/** Run TypeScript's compiler; it raises an error with its output. */
export function compile(...options) {
  const compiler = join(example, "node_modules/.bin/tsc");
  execFileSync(compiler, options, { cwd: example, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Make the declarations. */
export function declarations() {
  const folder = mkdtempSync(join(tmpdir(), "declarations-"));
  try {
    compile("--project", "tsconfig.declarations.json", "--outDir", folder);
    return FILES.map((file) => readFileSync(join(folder, file), "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  declarations().forEach((text, at) => writeFileSync(join(root, "flask_heygen/static/types", FILES[at]), text));
}
