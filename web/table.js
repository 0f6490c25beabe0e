// table.js - what a line, function, file or package holds, as a table that can be sorted.

import { count, element, estimate, inFull, percent } from "./words.js";
import { colourOfPackage } from "./graph.js";

const FIRST = 20; // rows, and so many times more each time they are asked for:
const MORE = 10;

function labelOf(name) {
    return name.isSpecial ? name.label : name.where;
}

const COLUMNS = [
    { key: "bytes", title: "bytes", of: (row) => row.bytes },
    { key: "share", title: "share", of: (row) => row.bytes },
    { key: "blocks", title: "blocks", of: (row) => row.blocks },
    { key: "whole", title: "with callees", of: (row) => row.whole },
    { key: "name", title: "", of: (row) => labelOf(row.name) },
];

export class Table {
    /** `onChoose(name)`: somebody wants to see a row in the graph. */
    constructor(place, more, summary, onChoose) {
        Object.assign(this, { place, more, summary, onChoose, sort: "bytes", isRising: false, n: FIRST });
        more.addEventListener("click", () => {
            this.n *= MORE;
            this.draw();
        });
        this.heads = COLUMNS.map((column) => {
            const button = element("button", { type: "button", onclick: () => this.sortBy(column.key) });
            const head = element("th", { scope: "col", class: column.key }, button);
            return { column, button, head };
        });
        this.body = element("tbody");
        place.append(element("thead", {}, element("tr", {}, ...this.heads.map(({ head }) => head))), this.body);
    }

    show(rows, total, by, term) {
        Object.assign(this, { total, by, n: FIRST });
        this.rows = rows.filter((row) => term === "" || row.name.text.includes(term));
        this.draw();
    }

    sortBy(key) {
        this.isRising = this.sort === key ? !this.isRising : key === "name";
        this.sort = key;
        this.draw();
    }

    draw() {
        const { of } = COLUMNS.find((column) => column.key === this.sort);
        const sign = this.isRising ? 1 : -1;
        const sorted = [...this.rows].sort((a, b) => {
            const [left, right] = [of(a), of(b)];
            return left === right ? b.whole - a.whole || a.key - b.key : left < right ? -sign : sign;
        });
        for (const { column, button, head } of this.heads) {
            const isSorted = column.key === this.sort;
            button.textContent = (column.title || this.by) + (isSorted ? (this.isRising ? " ▲" : " ▼") : "");
            head.setAttribute("aria-sort", !isSorted ? "none" : this.isRising ? "ascending" : "descending");
        }
        this.body.replaceChildren(...sorted.slice(0, this.n).map((row) => this.rowOf(row)));
        this.more.hidden = sorted.length <= this.n;
        this.more.textContent = `Show more of ${inFull(sorted.length)} rows`;
        const bytes = sorted.reduce((sum, row) => sum + row.bytes, 0);
        const variance = sorted.reduce((sum, row) => sum + row.variance, 0);
        this.summary.textContent = `${inFull(sorted.length)} ${sorted.length === 1 ? this.by : `${this.by}s`} with `
            + `${estimate(bytes, variance)}, ${percent(bytes, this.total.bytes)} of what is shown`;
    }

    rowOf(row) {
        const { name } = row;
        const share = this.total.bytes > 0 ? row.bytes / this.total.bytes : 0;
        const bar = element("span", { class: "bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", share);
        bar.style.setProperty("--colour", name.isSpecial ? "var(--quiet)" : colourOfPackage(name.package));
        const label = name.isSpecial
            ? element("span", {}, labelOf(name))
            : element("button", { type: "button", class: "plain", title: "mark it in the graph",
                onclick: () => this.onChoose(name) }, labelOf(name));
        return element("tr", { "data-bytes": Math.round(row.bytes), "data-blocks": Math.round(row.blocks) },
            element("td", { title: `${inFull(row.bytes)} bytes` }, estimate(row.bytes, row.variance)),
            element("td", { class: "share" }, bar, percent(row.bytes, this.total.bytes)),
            element("td", { title: inFull(row.blocks) }, count(row.blocks)),
            element("td", { title: `${inFull(row.whole)} bytes` }, estimate(row.whole, row.wholeVariance)),
            element("th", { scope: "row" }, label, ...(name.source ? [element("code", {}, name.source)] : [])));
    }
}
