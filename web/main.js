// main.js - the page: reads the data that the tool put in it, and lets the parts show what the person asks for.

import { Graph } from "./graph.js";
import { Heap } from "./heap.js";
import { Lives } from "./lives.js";
import { BYS, MEASURES, Model } from "./model.js";
import { Others } from "./others.js";
import { Sizes } from "./sizes.js";
import { Table } from "./table.js";
import { Times } from "./times.js";
import { count, element, estimate, inFull, percent, shown, size, time } from "./words.js";

const $ = (id) => document.getElementById(id);
const MEASURE_TITLES = ["Live when taken", "Live at the peak", "Ever allocated"];
const THEMES = ["auto", "light", "dark"];

const model = new Model(JSON.parse($("data").textContent));
const { heading } = model;
const state = { measure: Math.max(MEASURES.indexOf(heading.measure), 0), by: BYS.includes(heading.by) ? heading.by : "line",
    term: "", mask: null };

// The heading: which process, when, how.

function commandOf({ command, file }) {
    const words = command.length > 0 ? [command[0].split("/").pop(), ...command.slice(1)] : [file.split("/").pop()];
    return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).map(shown).join(" ");
}

function modeOf({ tracing, sample_bytes: mean, frames_most: most }) {
    const mode = tracing === "sampled" ? `a sample every ${size(mean)} or so; figures are estimates ± their standard error`
        : tracing === "exact" ? "every allocation" : "not known how";
    return most > 0 ? `${mode}, ${most} ${most === 1 ? "frame" : "frames"} deep` : mode;
}

function showHeading() {
    const { snapshot } = heading;
    const command = commandOf(snapshot);
    const when = snapshot.taken_unix_ns === null ? "" : `${new Date(snapshot.taken_unix_ns / 1e6).toLocaleString()}, `;
    const facts = [
        ["process", [snapshot.python && `Python ${shown(snapshot.python)}`, snapshot.pid !== null && `pid ${snapshot.pid}`]
            .filter(Boolean).join(", ")],
        ["taken", `${when}${time(snapshot.taken_at_ns)} after it began${snapshot.reason ? ` (${shown(snapshot.reason)})` : ""}`],
        ["name", shown(snapshot.name)],
        ["traced", modeOf(snapshot)],
        ["since", snapshot.since === null ? "" : `the mark ${shown(snapshot.since)}: what was allocated before it is left out`],
        ["peak", snapshot.peak_at_ns > 0 ? `highest after ${time(snapshot.peak_at_ns)}` : ""],
    ];
    document.title = `${command} – ouro`;
    $("command").textContent = command;
    $("facts").replaceChildren(...facts.filter(([, fact]) => fact !== "").flatMap(([title, fact]) =>
        [element("dt", {}, title), element("dd", {}, fact)]));
    $("version").textContent = heading.version;
}

function showNotes() {
    const { snapshot, untraced, smallest, n_small: n } = heading;
    const notes = [];
    if (snapshot.trouble) notes.push(`The file ${shown(snapshot.trouble)}: what could be read is shown.`);
    const patterns = [["only", heading.filter], ["without", heading.exclude]]
        .filter(([, list]) => list.length > 0).map(([word, list]) => `${word} ${list.map(shown).join(", ")}`);
    if (patterns.length > 0) {
        const m = state.measure;
        notes.push(`Filtered when the page was made: ${patterns.join("; ")}. That left `
            + `${percent(heading.filtered[`${MEASURES[m]}_bytes`], heading.traced[`${MEASURES[m]}_bytes`])} of the bytes.`);
    }
    if (smallest > 0) {
        notes.push(`${inFull(n)} tracebacks that hold less than ${(100 * smallest).toPrecision(2)} % each are put together as `
            + "(other); all sums include them.");
    }
    const key = MEASURES[state.measure];
    if (untraced[`${key}_blocks`] > 0) {
        notes.push(`${size(untraced[`${key}_bytes`])} in ${count(untraced[`${key}_blocks`])} blocks have no trace and are not shown.`);
    }
    $("notes").replaceChildren(...notes.map((note) => element("p", {}, note)));
}

// What can be chosen.

const painted = []; // parts whose colours are painted, and not the style's

function showMeasures() {
    $("measures").replaceChildren(element("legend", { class: "unseen" }, "Which memory"), ...MEASURES.map((name, m) => {
        const sum = model.total(m, null);
        const input = element("input", { type: "radio", name: "measure", value: name, checked: m === state.measure,
            onchange: () => change({ measure: m }) });
        return element("label", { class: "measure" }, input,
            element("span", { class: "title" }, MEASURE_TITLES[m]),
            element("span", { class: "figure", title: `${inFull(sum.bytes)} bytes`, "data-bytes": Math.round(sum.bytes) }, size(sum.bytes)),
            element("span", { class: "detail" },
                `${sum.variance > 0 ? `± ${size(Math.sqrt(sum.variance))}, ` : ""}${count(sum.blocks)} blocks`));
    }));
}

function showBys() {
    $("bys").append(...BYS.map((by) => element("label", {},
        element("input", { type: "radio", name: "by", value: by, checked: by === state.by, onchange: () => change({ by }) }),
        element("span", {}, by))));
}

function showTheme(theme) {
    document.documentElement.dataset.theme = theme;
    $("theme").textContent = `${theme} colours`;
    $("theme").dataset.theme = theme;
    for (const part of painted) part.draw();
}

function nextTheme() {
    const theme = THEMES[(THEMES.indexOf($("theme").dataset.theme) + 1) % THEMES.length];
    showTheme(theme);
    try {
        localStorage.setItem("ouro-theme", theme);
    } catch {
        // Where nothing can be kept it holds for this page.
    }
}

function keptTheme() {
    try {
        const theme = localStorage.getItem("ouro-theme");
        return THEMES.includes(theme) ? theme : "auto";
    } catch {
        return "auto";
    }
}

// The parts.

function tellFrame(node) {
    $("frame").textContent = node === null ? "" : graph.sentenceOf(node);
    $("frame-where").textContent = node === null ? "" : node.name.where;
    $("frame-source").textContent = node?.name.source ?? "";
}

const graph = new Graph($("graph"), $("trail"), $("tip"), tellFrame);
const table = new Table($("table"), $("more"), $("table-summary"), (name) => {
    $("search").value = name.where;
    change({ term: name.where.toLowerCase() });
    $("graph-title").scrollIntoView({ block: "start" });
});
const others = ["thread", "task", "type"].map((by) =>
    new Others($(`${by}s-part`), $(`${by}s-table`), model.others[`${by}s`], model.texts, by));
const sizes = new Sizes($("sizes"), $("sizes-table"), $("sizes-unit"));

function tellFound() {
    const { found } = graph;
    $("found").textContent = state.term === "" ? ""
        : found.n === 0 ? "no frame fits"
            : `${inFull(found.n)} ${found.n === 1 ? "frame fits" : "frames fit"}: ${estimate(found.bytes, found.variance)}, `
              + `${percent(found.bytes, graph.root.bytes)}`;
}

function drawTree() {
    graph.show(model.tree(state.measure, state.by, state.mask, graph.settings.isInverted), state.measure, state.term);
    tellFrame(null);
    tellFound();
}

function drawTable() {
    const total = model.total(state.measure, state.mask);
    table.show(model.rows(state.measure, state.by, state.mask), total, state.by, state.term);
    $("kept").textContent = state.mask === null ? "" : `${estimate(total.bytes, total.variance)} in ${count(total.blocks)} `
        + `blocks are left, ${percent(total.bytes, model.total(state.measure, null).bytes)}`;
}

function change(changes) {
    Object.assign(state, changes);
    if (Object.keys(changes).join() === "term") {
        graph.search(state.term);
        tellFound();
    } else {
        drawTree();
    }
    drawTable();
    if ("measure" in changes) {
        sizes.show(model.sizes, state.measure);
        others.forEach((part) => part.show(part.title === "type" ? 0 : state.measure));
        showNotes();
    }
}

/** Calls `act` when nothing was typed for a moment. */
function settled(input, act) {
    let timer;
    input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => act(input.value.trim()), 150);
    });
}

function begin() {
    showTheme(keptTheme());
    showHeading();
    showMeasures();
    showBys();
    $("theme").addEventListener("click", nextTheme);
    settled($("search"), (value) => change({ term: value.toLowerCase() }));
    settled($("filter"), (value) => change({ mask: model.mask(value.split(/\s+/).filter(Boolean)) }));
    $("shape").addEventListener("change", (event) => {
        graph.settings.isIcicle = event.target.value === "icicle";
        graph.draw();
    });
    $("inverted").addEventListener("change", (event) => {
        graph.settings.isInverted = event.target.checked;
        graph.focus = null;
        drawTree();
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
            event.preventDefault();
            $("search").focus();
        }
    });
    $("others-part").hidden = others.every(({ part }) => part.hidden);
    others.forEach(({ part, title }) => { part.open = title === heading.by; });
    new Lives($("lives-part"), $("lives-within"), $("lives-table"), model.lives, model.texts);
    if (model.times) {
        $("times-part").hidden = false;
        painted.push(new Times($("times"), $("marks"), $("times-table"), model.times));
    }
    if (model.heap) {
        $("heap-part").hidden = false;
        painted.push(new Heap($("heap"), $("heap-tells"), $("heap-sums"), $("heap-classes"), model.heap));
    }
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => showTheme($("theme").dataset.theme));
    change({ measure: state.measure });
    document.documentElement.dataset.state = "ready";
}

begin();
