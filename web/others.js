// others.js - what threads, tasks and objects of a type hold: no part of the tree of calls, so each a table of its own.

import { MEASURES } from "./model.js";
import { count, element, estimate, inFull, percent, shown } from "./words.js";

const ROWS_MOST = 200;

export class Others {
    /** `others` has ten numbers a row: its name's, and figures by measure. */
    constructor(part, table, others, texts, title) {
        Object.assign(this, { part, table, others, texts, title });
        part.hidden = others.length <= (title === "task" ? 10 : 0); // one alone is what is no task's
    }

    show(measure) {
        const rows = [];
        for (let at = 0; at < this.others.length; at += 10) {
            const [bytes, blocks, variance] = this.others.slice(at + 1 + 3 * measure, at + 4 + 3 * measure);
            if (blocks > 0) rows.push({ name: this.texts[this.others[at]], bytes, blocks, variance });
        }
        rows.sort((a, b) => b.bytes - a.bytes || b.blocks - a.blocks);
        const sum = rows.reduce((all, row) => all + row.bytes, 0);
        const rest = rows.slice(ROWS_MOST);
        if (rest.length > 0) {
            const add = (key) => rest.reduce((all, row) => all + row[key], 0);
            rows.splice(ROWS_MOST, rest.length,
                { name: `(${inFull(rest.length)} more)`, bytes: add("bytes"), blocks: add("blocks"), variance: add("variance") });
        }
        this.table.replaceChildren(
            element("thead", {}, element("tr", {}, ...[this.title, MEASURES[measure], "share", "blocks"].map((title) =>
                element("th", { scope: "col" }, title)))),
            element("tbody", {}, ...rows.map((row) => element("tr",
                { "data-bytes": Math.round(row.bytes), "data-blocks": Math.round(row.blocks) },
                element("th", { scope: "row" }, shown(row.name)),
                element("td", { title: `${inFull(row.bytes)} bytes` }, estimate(row.bytes, row.variance)),
                element("td", {}, percent(row.bytes, sum)),
                element("td", { title: inFull(row.blocks) }, count(row.blocks))))));
    }
}
