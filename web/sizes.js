// sizes.js - the histogram: how much memory is in blocks of which size, by domain.

import { DOMAINS } from "./model.js";
import { count, drawn, element, estimate, percent, size, whenResized } from "./words.js";

const HEIGHT = 180;
const LEFT = 64;
const BELOW = 34;

/** Steps that follow each other, with figures by domain. */
function stepsOf(sizes, measure) {
    const steps = new Map();
    for (let at = 0; at < sizes.length; at += 12) {
        const [step, largest, domain] = sizes.slice(at, at + 3);
        const [bytes, blocks, variance] = sizes.slice(at + 3 + 3 * measure, at + 6 + 3 * measure);
        if (blocks === 0) continue;
        if (!steps.has(step)) steps.set(step, { step, largest, bytes: 0, blocks: 0, variance: 0, domains: [] });
        const sum = steps.get(step);
        sum.bytes += bytes;
        sum.blocks += blocks;
        sum.variance += variance;
        sum.domains[domain] = { bytes, blocks };
    }
    return [...steps.values()].sort((a, b) => a.step - b.step);
}

export class Sizes {
    constructor(place, table, unit) {
        Object.assign(this, { place, table });
        this.unit = "bytes";
        unit.addEventListener("change", (event) => {
            this.unit = event.target.value;
            this.draw();
        });
        whenResized(place, () => this.steps && this.draw());
    }

    show(sizes, measure) {
        this.steps = stepsOf(sizes, measure);
        this.draw();
        this.tell();
    }

    draw() {
        const width = this.place.clientWidth;
        const first = this.steps[0]?.step ?? 0;
        const last = this.steps[this.steps.length - 1]?.step ?? 0;
        const most = Math.max(...this.steps.map((step) => step[this.unit]), 1);
        const wide = Math.min((width - LEFT) / (last - first + 1), 40);
        const show = this.unit === "bytes" ? size : count;
        const picture = drawn("svg", { width, height: HEIGHT + BELOW, role: "img",
            "aria-label": `Histogram of ${this.unit} by size of block; the table below has its figures` });
        for (const share of [0, 0.5, 1]) {
            const y = 6 + (HEIGHT - 6) * (1 - share);
            picture.append(
                drawn("line", { x1: LEFT, x2: width, y1: y, y2: y, class: "rule" }),
                drawn("text", { x: LEFT - 8, y: y + 4, class: "scale end" }, show(most * share)));
        }
        let labelled = -Infinity;
        for (const step of this.steps) {
            const x = LEFT + (step.step - first) * wide;
            let y = HEIGHT;
            const group = drawn("g", {}, drawn("title", {}, this.sentenceOf(step)));
            step.domains.forEach((figures, domain) => {
                const high = ((HEIGHT - 6) * figures[this.unit]) / most;
                y -= high;
                group.append(drawn("rect", { x: x + 1, y, width: Math.max(wide - 2, 1), height: Math.max(high, 0.5),
                    class: `domain-${DOMAINS[domain]}` }));
            });
            if (x - labelled > 58) {
                group.append(drawn("text", { x: Math.min(x + wide / 2, width - 28), y: HEIGHT + 18, class: "scale middle" }, size(step.largest)));
                labelled = x;
            }
            picture.append(group);
        }
        this.place.replaceChildren(picture);
    }

    sentenceOf(step) {
        const parts = step.domains.map((figures, domain) => `${DOMAINS[domain]} ${size(figures.bytes)}`).filter(Boolean);
        return `blocks up to ${size(step.largest)}: ${estimate(step.bytes, step.variance)} in ${count(step.blocks)} blocks`
            + ` (${parts.join(", ")})`;
    }

    tell() {
        const sum = this.steps.reduce((all, step) => all + step.bytes, 0);
        this.table.replaceChildren(
            element("thead", {}, element("tr", {}, ...["up to", "bytes", "share", "blocks"].map((title) =>
                element("th", { scope: "col" }, title)))),
            element("tbody", {}, ...this.steps.map((step) => element("tr", {},
                element("th", { scope: "row" }, size(step.largest)),
                element("td", {}, estimate(step.bytes, step.variance)),
                element("td", {}, percent(step.bytes, sum)),
                element("td", {}, count(step.blocks))))));
    }
}
