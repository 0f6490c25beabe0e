// heap.js - the heap's map: a cell a slot, in the order of addresses, darker the fuller it is; and which sizes of blocks
// leave room that nothing else can use.

import { DOMAINS } from "./model.js";
import { count, element, inFull, percent, size, whenResized } from "./words.js";

const SMALL = 9; // pixels of a cell
const LARGE = 14; // where there are few
const FEW = 3000;
const SORTS = ["given back", "free, resident", "empty pools, kept", ...DOMAINS.map((domain) => `${domain} pools`),
    ...DOMAINS.map((domain) => `${domain} large blocks`)];
const COLOURS = ["--given-back", "--free", "--kept", "--raw", "--mem", "--object", "--raw", "--mem", "--object"];
const FIRST_POOL = 3;
const FIRST_LARGE = 6;

function group(numbers, n) {
    return Array.from({ length: numbers.length / n }, (_, i) => numbers.slice(n * i, n * i + n));
}

export class Heap {
    constructor(canvas, tells, sums, classes, heap) {
        Object.assign(this, { canvas, tells, slot: heap.slot, cells: group(heap.cells, 3), at: 0, marked: null });
        this.side = this.cells.length < FEW ? LARGE : SMALL;
        this.showSums(sums, group(heap.sums, 3));
        this.showClasses(classes, group(heap.classes, 6));
        canvas.addEventListener("pointermove", (event) => this.tell(this.cellAt(event)));
        canvas.addEventListener("pointerleave", () => this.tell(null));
        canvas.addEventListener("keydown", (event) => this.onKey(event));
        canvas.addEventListener("focus", () => this.tell(this.at));
        canvas.addEventListener("blur", () => this.tell(null));
        whenResized(canvas.parentElement, () => this.draw());
    }

    draw() {
        const width = this.canvas.parentElement.clientWidth;
        const scale = window.devicePixelRatio;
        this.columns = Math.max(Math.floor(width / this.side), 1);
        const high = Math.ceil(this.cells.length / this.columns) * this.side;
        Object.assign(this.canvas, { width: this.columns * this.side * scale, height: high * scale });
        Object.assign(this.canvas.style, { width: `${this.columns * this.side}px`, height: `${high}px` });
        this.paint(scale);
    }

    paint(scale) {
        const style = getComputedStyle(document.documentElement);
        const colours = COLOURS.map((name) => style.getPropertyValue(name));
        const empty = style.getPropertyValue("--empty");
        const pen = this.canvas.getContext("2d");
        pen.scale(scale, scale);
        this.cells.forEach(([sort, full], i) => {
            const [x, y] = [(i % this.columns) * this.side, Math.floor(i / this.columns) * this.side];
            pen.globalAlpha = 1;
            pen.fillStyle = sort < FIRST_POOL ? colours[sort] : empty;
            pen.fillRect(x, y, this.side - 1, this.side - 1);
            if (sort < FIRST_POOL) return;
            pen.globalAlpha = 0.12 + 0.88 * Math.min(full / 100, 1);
            pen.fillStyle = colours[sort];
            pen.fillRect(x, y, this.side - 1, this.side - 1);
        });
        if (this.marked !== null) {
            pen.globalAlpha = 1;
            pen.strokeStyle = style.getPropertyValue("--focus");
            pen.lineWidth = 2;
            pen.strokeRect((this.marked % this.columns) * this.side - 0.5, Math.floor(this.marked / this.columns) * this.side - 0.5, this.side, this.side);
        }
    }

    cellAt(event) {
        const box = this.canvas.getBoundingClientRect();
        const column = Math.floor((event.clientX - box.left) / this.side);
        const cell = Math.floor((event.clientY - box.top) / this.side) * this.columns + column;
        return column < this.columns && this.cells[cell] !== undefined ? cell : null;
    }

    onKey(event) {
        const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
        if (!(event.key in steps)) return;
        event.preventDefault();
        if (this.cells[this.at + steps[event.key]] !== undefined) this.at += steps[event.key];
        this.tell(this.at);
    }

    tell(cell) {
        if (cell === this.marked) return;
        this.marked = cell;
        this.draw();
        if (cell === null) {
            this.tells.textContent = "";
            return;
        }
        const [sort, full, block] = this.cells[cell];
        const blocks = block > 0 && sort >= FIRST_POOL && sort < FIRST_LARGE ? `, blocks of ${size(block)}` : "";
        this.tells.textContent = `${size(cell * this.slot)} from the beginning: ${SORTS[sort]}${blocks}`
            + (sort >= FIRST_POOL ? `, ${full} % used` : "");
    }

    showSums(place, sums) {
        const whole = sums.reduce((all, [, bytes]) => all + bytes, 0);
        const used = sums.reduce((all, [, , bytes]) => all + bytes, 0);
        place.replaceChildren(...sums.map(([runs, bytes, held], sort) => runs === 0 ? "" : element("li", {},
            swatch(sort), `${SORTS[sort]}: ${size(bytes)}${sort >= FIRST_POOL ? `, ${percent(held, bytes)} used` : ""}`)),
            element("li", {}, `all: ${size(whole)}, ${percent(used, whole)} used; a cell is ${size(this.slot)}`));
    }

    showClasses(table, classes) {
        const rows = classes.map(([block, domain, pools, bytes, blocks, used]) =>
            ({ block, domain, pools, bytes, used, blocks, lost: bytes - used * block })).sort((a, b) => b.lost - a.lost);
        table.replaceChildren(
            element("thead", {}, element("tr", {}, ...["blocks of", "domain", "pools", "in all", "used", "not used", "full"]
                .map((title) => element("th", { scope: "col" }, title)))),
            element("tbody", {}, ...rows.map((row) => element("tr", {},
                element("th", { scope: "row" }, size(row.block)),
                element("td", {}, DOMAINS[row.domain]),
                element("td", {}, count(row.pools)),
                element("td", { title: inFull(row.bytes) }, size(row.bytes)),
                element("td", { title: `${inFull(row.used)} of ${inFull(row.blocks)} blocks` }, size(row.used * row.block)),
                element("td", {}, size(row.lost)),
                element("td", {}, percent(row.used, row.blocks))))));
    }
}

function swatch(sort) {
    const made = element("i", { "aria-hidden": "true" });
    made.style.background = `var(${COLOURS[sort]})`;
    return made;
}
