// Runs frontend/tests/*.test.ts under node's own test runner, bundled first since node reads no TypeScript here.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import os from "node:os";
import path from "node:path";
import * as esbuild from "esbuild";

const tests = path.join(path.dirname(fileURLToPath(import.meta.url)), "tests");
const out = await mkdtemp(path.join(os.tmpdir(), "emarge-frontend-"));
const names = (await readdir(tests)).filter((name) => name.endsWith(".test.ts"));
await esbuild.build({
  entryPoints: names.map((name) => path.join(tests, name)),
  bundle: true,
  platform: "node",
  format: "esm",
  outdir: out,
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
});
const files = (await readdir(out)).map((name) => path.join(out, name));
const run = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
await rm(out, { recursive: true });
process.exitCode = run.status ?? 1;
