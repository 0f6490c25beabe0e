// build.mjs - the page's template: page.html with its script, style and licences in it.
//
//   node build.mjs OUT
//
// What is left to be put in is the data, by the tool.  The page may run this script and no other, and fetch nothing at
// all: its policy has the hashes of what is put in here.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const made = await build({
    entryPoints: ["main.js", "style.css"], bundle: true, minify: true, write: false, metafile: true, outdir: "out",
    format: "iife", target: ["chrome111", "firefox121", "safari16.4"], charset: "utf8", legalComments: "none",
});

function output(name) {
    return made.outputFiles.filter((file) => file.path.endsWith(name)).map((file) => file.text.trim());
}

/** Packages that ended up in the page, with what they ask to be said. */
function licences() {
    const inputs = Object.keys(made.metafile.inputs);
    const names = new Set(inputs.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
    return [...names].sort().map((name) => {
        const folder = `node_modules/${name}`;
        const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`));
        const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
        return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, "utf8").trim() : ""}\n`;
    }).join("\n").replaceAll("--", "- -");
}

const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
const [script] = output("main.js");
const style = [...output("main.css"), ...output("style.css")].join("\n");
if (/<\/(script|style)|<!--/i.test(script + style)) throw new Error("the bundle would end its own element");

const page = readFileSync("page.html", "utf8")
    .replace("OURO-SCRIPT-HASH", () => hash(script))
    .replace("OURO-STYLE-HASH", () => hash(style))
    .replace("OURO-SCRIPT", () => script)
    .replace("OURO-STYLE", () => style)
    .replace("OURO-LICENSES", licences);
if (page.split("OURO-DATA").length !== 2) throw new Error("there is one place for the data");
writeFileSync(process.argv[2], page);
