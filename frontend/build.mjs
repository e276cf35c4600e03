// Builds src/emarge/static/built: app.js, app.css, the fonts, and a Brotli twin of each text for WhiteNoise to serve.
import { mkdir, readFile, rm, writeFile, copyFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
import * as esbuild from "esbuild";
import * as sass from "sass";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const out = path.join(root, "src/emarge/static/built");
const browsers = ["chrome111", "firefox115", "safari16.4"];

const common = { bundle: true, minify: true, legalComments: "eof", target: browsers, logLevel: "warning" };

async function script() {
  await esbuild.build({
    ...common,
    entryPoints: [path.join(root, "frontend/src/app.ts")],
    format: "esm",
    outfile: path.join(out, "app.js"),
  });
}

async function style() {
  const { css } = sass.compile(path.join(root, "frontend/styles/app.scss"), {
    loadPaths: [path.join(root, "node_modules")],
    quietDeps: true,
    // Bootstrap 5 is written with @import; its own next major leaves it.
    silenceDeprecations: ["import"],
  });
  await esbuild.build({
    ...common,
    stdin: { contents: css, loader: "css", resolveDir: root, sourcefile: "app.css" },
    loader: { ".woff2": "file" },
    assetNames: "[name]-[hash]",
    outfile: path.join(out, "app.css"),
  });
}

async function compress() {
  for (const name of await readdir(out)) {
    if (/\.(js|css)$/.test(name)) {
      await writeFile(path.join(out, `${name}.br`), brotliCompressSync(await readFile(path.join(out, name))));
    }
  }
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await Promise.all([script(), style()]);
await copyFile(
  path.join(root, "node_modules/@fontsource-variable/atkinson-hyperlegible-next/LICENSE"),
  path.join(out, "atkinson-hyperlegible-next.LICENSE.txt"),
);
await compress();
