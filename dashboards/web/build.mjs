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
const result = await build({
  entryPoints: entries.map((f) => join(here, "src", f)),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2017", "chrome67", "safari12"],
  charset: "utf8",
  entryNames: "[name]-[hash]",
  outdir: out,
  metafile: true,
  legalComments: "none",
});
const manifest = {};
for (const [file, meta] of Object.entries(result.metafile.outputs)) {
  if (meta.entryPoint) manifest[basename(meta.entryPoint)] = basename(file);
}
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");
