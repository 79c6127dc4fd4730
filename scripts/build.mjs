// Bundles the pages' style and scripts into static/dist/. Run it as `npm run build`.
//
// One stylesheet: Tabler's rules that the templates really use, then our own. Its entry is
// written here and not in static/css/site.css, because Django follows the imports
// of every stylesheet under static/ when it collects them.
import { access, copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { PurgeCSS } from "purgecss";

const target = ["chrome123", "firefox120", "safari17.5"]; // the first with light-dark()
const dist = "static/dist";
const shared = { bundle: true, minify: true, target, legalComments: "none", logLevel: "warning" };

const written = [];
const write = async (name, text) => {
  const packed = gzipSync(text, { level: 9 });
  await Promise.all([writeFile(`${dist}/${name}`, text), writeFile(`${dist}/${name}.gz`, packed)]); // WhiteNoise serves the second
  written.push([name, Buffer.byteLength(text), packed.length]);
};

const scripts = async () => {
  const entryPoints = ["static/theme.js", "static/site.js", "static/charts.js", "static/entry.js", "static/live.js", "static/cash.js"];
  const { outputFiles } = await build({ ...shared, entryPoints, format: "iife", outdir: dist, write: false });
  for (const file of outputFiles) await write(file.path.split("/").pop(), file.text);
};

const stylesheet = async () => {
  const contents = '@import "@tabler/core/dist/css/tabler.css";\n@import "./static/css/site.css";';
  const stdin = { contents, loader: "css", resolveDir: "." };
  const { outputFiles } = await build({ ...shared, stdin, write: false });
  const [{ css }] = await new PurgeCSS().purge({
    content: ["templates/**/*.html", "static/*.js", "*/templatetags/*.py", "*/forms/*.py", "*/views/*.py"],
    css: [{ raw: outputFiles[0].text }],
    variables: true,
    keyframes: true,
    fontFace: true,
    safelist: { standard: [/^htmx-/, /^part-/, /^stroke-/, /^alert-/, /^sign-/, /^shade-/], variables: [/^--c-/] }, // --c-*: scripts read them
    defaultExtractor: (text) => text.match(/[\w-]+/g) ?? [],
  });
  const { outputFiles: minified } = await build({ ...shared, stdin: { contents: css, loader: "css" }, write: false });
  await write("site.css", minified[0].text);
};

// The font of printed reports, with Latin, Greek and Cyrillic: analytics/reporting/fonts.py reads it there.
const fonts = async () => {
  await mkdir(`${dist}/fonts`);
  const names = ["DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf"];
  await Promise.all(names.map((name) => copyFile(`node_modules/dejavu-fonts-ttf/ttf/${name}`, `${dist}/fonts/${name}`)));
};

await access("templates/base.html"); // without the templates every rule would look unused
await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await Promise.all([scripts(), stylesheet(), fonts()]);
const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(7)} KiB`;
for (const [name, raw, packed] of written.sort()) console.log(`${name.padEnd(10)}${kib(raw)}${kib(packed)} compressed`);
