// Bundle every style sheet and script in src/ into ../static/, named by content hash, with manifest.json telling which is which.
import { build } from "esbuild";
import { readdirSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

// A file whose name begins with _ is a part of another.
const entries = readdirSync(join(here, "src")).filter((f) => /\.(css|js)$/.test(f) && !f.startsWith("_"));
// The check of proofs without the browser's own algorithms needs BigInt; where that is missing the page says so (see verify.js).
const NEWER = { "verify-fallback.js": ["es2020", "chrome67", "safari14"] };
const outputs = {};
for (const [files, target] of [
  [entries.filter((f) => !NEWER[f]), ["es2017", "chrome67", "safari12"]],
  ...Object.entries(NEWER).map(([f, target]) => [[f], target]),
]) {
  const result = await build({
    entryPoints: files.map((f) => join(here, "src", f)),
    bundle: true,
    minify: true,
    format: "iife",
    target,
    charset: "utf8",
    entryNames: "[name]-[hash]",
    outdir: out,
    metafile: true,
    legalComments: "none",
  });
  Object.assign(outputs, result.metafile.outputs);
}
const manifest = {};
for (const [file, meta] of Object.entries(outputs)) {
  if (meta.entryPoint) manifest[basename(meta.entryPoint)] = basename(file);
}
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");
