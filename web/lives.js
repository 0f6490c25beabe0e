// lives.js - how soon blocks were freed: which lines make what nobody keeps.

import { base, count, element, estimate, inFull, percent, shown } from "./words.js";

const ROWS_MOST = 200;
const WITHINS = 7; // 1, 10, 100, ... allocations
const WIDTH = 3 + 3 * WITHINS;

export class Lives {
    /** `lives` has for each line its file, its number, blocks ever allocated, and figures for each time, each without those before. */
    constructor(place, choice, table, lives, texts) {
        Object.assign(this, { table, lives, texts });
        place.hidden = lives.length === 0;
        choice.append(...Array.from({ length: WITHINS }, (_, k) => element("label", {},
            element("input", { type: "radio", name: "within", value: 10 ** k, checked: k === 1, onchange: () => this.show(k) }),
            element("span", {}, count(10 ** k)))));
        this.show(1);
    }

    rowAt(at, last) {
        const [file, line, allocated] = this.lives.slice(at, at + 3);
        const sum = (i) => Array.from({ length: last + 1 }, (_, k) => this.lives[at + 3 + 3 * k + i]).reduce((all, one) => all + one, 0);
        const path = shown(this.texts[file]) || "(no frame)";
        return { path, line, allocated, bytes: sum(0), blocks: sum(1), variance: sum(2) };
    }

    show(last) {
        const rows = [];
        for (let at = 0; at < this.lives.length; at += WIDTH) rows.push(this.rowAt(at, last));
        const freed = rows.filter((row) => row.blocks > 0).sort((a, b) => b.bytes - a.bytes || b.blocks - a.blocks);
        const at = (row) => (row.line > 0 ? `:${row.line}` : "");
        this.table.replaceChildren(
            element("thead", {}, element("tr", {}, ...["line", "freed", "blocks", "of those allocated there"].map((title) =>
                element("th", { scope: "col" }, title)))),
            element("tbody", {}, ...freed.slice(0, ROWS_MOST).map((row) => element("tr",
                { "data-bytes": Math.round(row.bytes), "data-blocks": Math.round(row.blocks) },
                element("th", { scope: "row", title: `${row.path}${at(row)}` }, `${base(row.path)}${at(row)}`),
                element("td", { title: `${inFull(row.bytes)} bytes` }, estimate(row.bytes, row.variance)),
                element("td", { title: inFull(row.blocks) }, count(row.blocks)),
                element("td", {}, percent(Math.min(row.blocks, row.allocated), row.allocated))))));
    }
}
