// Builds src/emarge/static/built: scripts, styles, fonts, the decoder of QR codes, and a Brotli twin of each text for WhiteNoise to serve.
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

// The whole shell; the page of a scan, light on purpose; the shared screen; the camera and its decoder of last resort.
const SCRIPTS = ["app", "scan", "projector", "camera", "decoder"];
const LIGHT_STYLES = ["scan", "projector"];

async function scripts() {
  await esbuild.build({
    ...common,
    entryPoints: SCRIPTS.map((name) => path.join(root, `frontend/src/${name}.ts`)),
    format: "esm",
    outdir: out,
  });
}

async function lightStyles() {
  for (const name of LIGHT_STYLES) {
    const { css } = sass.compile(path.join(root, `frontend/styles/${name}.scss`));
    const { code } = await esbuild.transform(css, { loader: "css", minify: true, target: browsers });
    await writeFile(path.join(out, `${name}.css`), code);
  }
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
    if (/\.(js|css|wasm)$/.test(name)) {
      await writeFile(path.join(out, `${name}.br`), brotliCompressSync(await readFile(path.join(out, name))));
    }
  }
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await Promise.all([scripts(), style(), lightStyles()]);
await copyFile(
  path.join(root, "node_modules/@fontsource-variable/atkinson-hyperlegible-next/LICENSE"),
  path.join(out, "atkinson-hyperlegible-next.LICENSE.txt"),
);
await copyFile(
  path.join(root, "node_modules/zxing-wasm/dist/reader/zxing_reader.wasm"),
  path.join(out, "zxing_reader.wasm"),
);
await compress();
