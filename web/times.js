// times.js - memory over time: resident, live, and live by domain, with the marks that the program set.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { DOMAINS } from "./model.js";
import { element, shown, size, time, whenResized } from "./words.js";

const HEIGHT = 260;
const STEPS = Array.from({ length: 62 }, (_, power) => 2 ** power); // of the axis: bytes
const N = 6; // numbers a sample: when, resident, live by domain, time in the collector

export class Times {
    constructor(place, marks, table, { samples, marks: known }) {
        this.place = place;
        this.marks = known.map(([at, name]) => ({ at: at / 1e9, name: shown(name) }));
        const columns = Array.from({ length: N }, (_, column) => samples.filter((_, i) => i % N === column));
        const [when, resident, ...domains] = columns.slice(0, 5);
        const live = when.map((_, i) => domains.reduce((sum, domain) => sum + domain[i], 0));
        this.data = [when.map((at) => at / 1e9), resident, live, ...domains];
        marks.replaceChildren(...this.marks.map(({ at, name }) =>
            element("li", {}, element("strong", {}, time(at * 1e9)), ` ${name}`)));
        this.tell(table, live);
        whenResized(place, () => this.draw());
    }

    draw() {
        const style = getComputedStyle(document.documentElement);
        const colour = (name) => style.getPropertyValue(name).trim();
        const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
            font: "12px system-ui, sans-serif" };
        const line = (label, name, more = {}) => ({ label, stroke: colour(name), width: 1.5, points: { show: this.data[0].length < 3 },
            value: (_, bytes) => (bytes == null ? "–" : size(bytes)), ...more });
        this.chart?.destroy();
        this.chart = new uPlot({
            width: this.place.clientWidth, height: HEIGHT,
            scales: { x: { time: false }, y: { range: (_, least, most) => [0, Math.max(most, 1) * 1.05] } },
            axes: [{ ...axis, values: (_, splits) => splits.map((at) => time(at * 1e9)), space: 90 },
                { ...axis, values: (_, splits) => splits.map(size), size: 76, incrs: STEPS }],
            series: [{ label: "after", value: (_, at) => (at == null ? "–" : time(at * 1e9)) },
                line("resident", "--dim", { width: 2 }), line("live", "--accent", { width: 2 }),
                ...DOMAINS.map((domain) => line(domain, `--${domain}`))],
            hooks: { draw: [(chart) => this.drawMarks(chart, colour("--focus"))] },
        }, this.data, this.place);
        this.chart.root.querySelector("canvas").setAttribute("aria-hidden", "true");
    }

    drawMarks({ ctx: pen, bbox, valToPos }, colour) {
        pen.save();
        pen.strokeStyle = colour;
        pen.setLineDash([4, 4]);
        for (const { at } of this.marks) {
            const x = Math.round(valToPos(at, "x", true));
            if (x < bbox.left || x > bbox.left + bbox.width) continue;
            pen.beginPath();
            pen.moveTo(x, bbox.top);
            pen.lineTo(x, bbox.top + bbox.height);
            pen.stroke();
        }
        pen.restore();
    }

    /** For who doesn't see the curve: some twenty of its points. */
    tell(table, live) {
        const [when, resident] = this.data;
        const step = Math.max(Math.ceil(when.length / 20), 1);
        const rows = when.map((at, i) => [time(at * 1e9), size(resident[i]), size(live[i])]).filter((_, i) => i % step === 0);
        table.replaceChildren(
            element("thead", {}, element("tr", {}, ...["after", "resident", "live"].map((title) => element("th", { scope: "col" }, title)))),
            element("tbody", {}, ...rows.map(([at, ...figures]) => element("tr", {}, element("th", { scope: "row" }, at),
                ...figures.map((figure) => element("td", {}, figure))))));
    }
}
