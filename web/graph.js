// graph.js - the flame graph: a box a frame, as wide as what it and those it called hold.
//
// d3-flame-graph draws; zooming is ours, so that what is too narrow to be drawn in the whole picture is drawn when one
// goes nearer.  The boxes are a tree for a keyboard and a screen reader: one of them is in the tab order, arrows move.

import flamegraph from "d3-flame-graph";
import { select } from "d3-selection";
import { MEASURES } from "./model.js";
import { count, element, estimate, percent, shown, size, whenResized } from "./words.js";

const ROW = 20; // pixels
const NARROWEST = 1; // pixels of a box that is drawn
const HUES = 8; // of style.css

export class Graph {
    /** `onChoose(node)` is told which frame is looked at, null for none. */
    constructor(place, trail, tip, onChoose) {
        Object.assign(this, { place, trail, tip, onChoose });
        this.settings = { isIcicle: false, isInverted: false };
        this.focus = null;
        this.hits = null;
        place.addEventListener("keydown", (event) => this.onKey(event));
        place.addEventListener("focusin", () => this.tellChosen());
        whenResized(place, () => this.root && this.width !== place.clientWidth && this.draw());
    }

    /** A new tree to draw, of a measure; what was zoomed to stays so where it is still there. */
    show(root, measure, term) {
        const names = this.focus ? chainOf(this.focus).slice(1).map((node) => node.name.label) : [];
        this.root = root;
        this.measure = measure;
        this.focus = root;
        for (const name of names) {
            const next = [...this.focus.children.values()].find((child) => child.name.label === name);
            if (next === undefined) break;
            this.focus = next;
        }
        this.search(term);
    }

    /** Mark what fits `term`; returns what it holds, each block once. */
    search(term) {
        const found = { bytes: 0, variance: 0, n: 0 };
        this.hits = term === "" ? null : new Set();
        const visit = [[this.root, false]];
        while (this.hits !== null && visit.length > 0) {
            const [node, isBelow] = visit.pop();
            const fits = !node.name.isSpecial && node.name.text.includes(term);
            if (fits) {
                this.hits.add(node);
                found.n++;
            }
            if (fits && !isBelow) {
                found.bytes += node.bytes;
                found.variance += node.variance;
            }
            for (const child of node.children.values()) visit.push([child, isBelow || fits]);
        }
        this.found = found;
        this.draw();
        return found;
    }

    draw() {
        this.width = this.place.clientWidth;
        const least = (this.focus.bytes * NARROWEST) / Math.max(this.width, 1);
        const data = this.dataOf(chainOf(this.focus), least);
        this.depth = 0;
        measureDepth(data, 0, this);
        this.place.replaceChildren();
        if (this.focus.bytes === 0) {
            this.place.append(element("p", { class: "nothing" }, "Nothing is left to show."));
            this.showTrail();
            return;
        }
        const chart = flamegraph()
            .width(this.width)
            .height((this.depth + 1) * ROW)
            .cellHeight(ROW)
            .minFrameSize(0)
            .inverted(this.settings.isIcicle)
            .transitionDuration(0)
            .tooltip(this.makeTip())
            .setColorMapper((d) => this.colourOf(d.data.node))
            .onClick((d) => this.zoom(d.data.node));
        select(this.place).datum(data).call(chart);
        this.settle();
        this.describe();
        this.place.scrollTop = this.settings.isIcicle ? 0 : this.place.scrollHeight;
        this.showTrail();
    }

    /** New boxes would grow from nothing, which is no news to anybody: they stand where they belong at once. */
    settle() {
        const boxes = select(this.place).selectAll("g.frame");
        const widthOf = (d) => Math.max((d.x1 - d.x0) * this.width - 0.5, 0.5);
        boxes.interrupt();
        boxes.select("rect").interrupt().attr("width", widthOf);
        boxes.select("div").interrupt().text((d) => d.data.name);
    }

    /** What is drawn: the callers of the focus, faded, then it and all below that is wide enough. */
    dataOf(chain, least) {
        const focus = makeData(chain[chain.length - 1]);
        const visit = [focus];
        while (visit.length > 0) {
            const data = visit.pop();
            data.children = [...data.node.children.values()]
                .filter((child) => child.bytes > 0 && child.bytes >= least)
                .sort((a, b) => b.bytes - a.bytes)
                .map(makeData);
            visit.push(...data.children);
        }
        return chain.slice(0, -1).reduceRight((below, node) => ({ ...makeData(node), fade: true, children: [below] }), focus);
    }

    colourOf(node) {
        if (this.hits !== null) return this.hits.has(node) ? "var(--hit)" : "var(--missed)";
        if (node.name.isSpecial) return "var(--quiet)";
        return colourOfPackage(node.name.package);
    }

    zoom(node) {
        this.focus = node === this.focus && node.parent !== null ? node.parent : node;
        this.draw();
        this.chooseNode(node);
    }

    showTrail() {
        const chain = chainOf(this.focus);
        this.trail.replaceChildren(
            ...chain.slice(-6).map((node, i, last) =>
                element("li", {}, i === last.length - 1
                    ? element("span", { "aria-current": "true" }, node.name.label)
                    : element("button", { type: "button", onclick: () => this.zoom(node) }, node.name.label))),
        );
        this.trail.hidden = chain.length === 1;
    }

    sentenceOf(node) {
        const parts = [
            `${node.name.label}: ${estimate(node.bytes, node.variance)}`,
            `${percent(node.bytes, this.root.bytes)} of ${MEASURES[this.measure]}`,
            `${count(node.blocks)} blocks`,
        ];
        if (node.own > 0 && node.own < node.bytes) parts.push(`${size(node.own)} asked for right there`);
        return parts.join(", ");
    }

    makeTip() {
        const tip = () => tip;
        tip.show = (event, d) => {
            this.tip.replaceChildren(
                element("strong", {}, d.data.node.name.label),
                element("span", {}, d.data.node.name.where),
                element("span", {}, this.sentenceOf(d.data.node).slice(d.data.node.name.label.length + 2)),
                ...(d.data.node.name.source ? [element("code", {}, d.data.node.name.source)] : []),
            );
            this.tip.hidden = false;
            const { offsetWidth: width, offsetHeight: height } = this.tip;
            const left = Math.min(event.clientX + 12, window.innerWidth - width - 8);
            const top = event.clientY + 16 + height > window.innerHeight ? event.clientY - height - 12 : event.clientY + 16;
            this.tip.style.transform = `translate(${Math.max(left, 8)}px, ${Math.max(top, 8)}px)`;
        };
        tip.hide = () => {
            this.tip.hidden = true;
        };
        return tip;
    }

    // The keyboard and screen readers.

    describe() {
        this.boxes = new Map();
        this.place.querySelector("svg").setAttribute("role", "presentation");
        select(this.place).selectAll("g.frame").each((d, i, groups) => {
            const box = groups[i];
            this.boxes.set(d.data.node, box);
            box.setAttribute("role", "treeitem");
            box.setAttribute("aria-level", d.depth + 1);
            box.setAttribute("aria-label", this.sentenceOf(d.data.node));
            box.setAttribute("tabindex", d.data.node === this.focus ? 0 : -1);
        });
    }

    chooseNode(node) {
        const box = this.boxes.get(node);
        if (box === undefined) return;
        for (const other of this.place.querySelectorAll('[tabindex="0"]')) other.setAttribute("tabindex", -1);
        box.setAttribute("tabindex", 0);
        box.focus({ preventScroll: false });
    }

    tellChosen() {
        const d = select(document.activeElement).datum();
        this.onChoose(d?.data?.node ?? null);
    }

    onKey(event) {
        const node = select(event.target).datum()?.data?.node;
        if (node === undefined) return;
        const towardsLeaves = this.settings.isIcicle ? "ArrowDown" : "ArrowUp";
        const towardsRoot = this.settings.isIcicle ? "ArrowUp" : "ArrowDown";
        const drawnOf = (parent) => [...(parent?.children.values() ?? [])]
            .filter((child) => this.boxes.has(child)).sort((a, b) => b.bytes - a.bytes);
        const beside = (step) => {
            const row = drawnOf(node.parent);
            return row[row.indexOf(node) + step];
        };
        const moves = {
            [towardsLeaves]: () => this.chooseNode(drawnOf(node)[0]),
            [towardsRoot]: () => this.chooseNode(node.parent),
            ArrowRight: () => this.chooseNode(beside(1)),
            ArrowLeft: () => this.chooseNode(beside(-1)),
            Home: () => this.chooseNode(this.root),
            Enter: () => this.zoom(node),
            " ": () => this.zoom(node),
            Escape: () => this.zoom(this.root),
        };
        if (moves[event.key]) {
            event.preventDefault();
            moves[event.key]();
        }
    }
}

/** The program's own frames have one colour, the standard library's another; packages have the rest. */
export function colourOfPackage(name) {
    if (name === "(the program)") return "var(--own)";
    if (name.includes("(standard library)")) return "var(--library)";
    let hash = 7;
    for (const c of name) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
    return `var(--hue-${hash % HUES})`;
}

/** From the root to a node. */
function chainOf(node) {
    const chain = [];
    for (let at = node; at !== null; at = at.parent) chain.unshift(at);
    return chain;
}

function makeData(node) {
    return { name: shown(node.name.label), value: node.bytes, node, children: [] };
}

function measureDepth(data, depth, result) {
    const visit = [[data, depth]];
    while (visit.length > 0) {
        const [at, level] = visit.pop();
        result.depth = Math.max(result.depth, level);
        for (const child of at.children) visit.push([child, level + 1]);
    }
}
