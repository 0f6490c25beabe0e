// model.js - the snapshot's tree of calls, and what is summed up from it.
//
// A *branch* is a frame with all its callers; callers have lower numbers than those they call, so sums are loops.  What
// blocks a branch asked for itself it *holds*.  Branches without a frame are several that the tool put together: many
// small ones, or the middle of a deep traceback.

import { base, shown } from "./words.js";

export const MEASURES = ["live", "peak", "churn"];
export const BYS = ["line", "function", "file", "package"];
export const DOMAINS = ["raw", "mem", "object"];

const MERGED_FILES = new Set(["file", "package"]); // by these, frames of the same that call each other are one

const WANTED = 1;
const UNWANTED = 2;

// What the tool put together, by the number that stands in a frame's place.
const MERGED = {
    [-1]: special("(other)", "tracebacks too small to be shown"),
    [-2]: special("(frames between)", "the middle of very deep tracebacks"),
};

export class Figures {
    constructor(n) {
        this.bytes = new Float64Array(n);
        this.blocks = new Float64Array(n);
        this.variance = new Float64Array(n);
    }

    add(to, from, at) {
        this.bytes[to] += from.bytes[at];
        this.blocks[to] += from.blocks[at];
        this.variance[to] += from.variance[at];
    }
}

export class Model {
    constructor(data) {
        Object.assign(this, { heading: data.heading, sizes: data.sizes, lives: data.lives, heap: data.heap, times: data.times });
        this.others = { threads: data.threads, tasks: data.tasks, types: data.types };
        this.texts = data.texts;
        this.frames = data.frames;
        this.n = data.branches.length / 3;
        this.caller = new Uint32Array(this.n);
        this.frame = new Int32Array(this.n);
        this.merged = new Uint32Array(this.n);
        for (let i = 0; i < this.n; i++) {
            [this.caller[i], this.frame[i], this.merged[i]] = data.branches.slice(3 * i, 3 * i + 3);
        }
        this.held = MEASURES.map(() => new Figures(this.n));
        for (let at = 0; at < data.held.length; at += 10) {
            const branch = data.held[at];
            this.held.forEach((figures, m) => {
                figures.bytes[branch] = data.held[at + 1 + 3 * m];
                figures.blocks[branch] = data.held[at + 2 + 3 * m];
                figures.variance[branch] = data.held[at + 3 + 3 * m];
            });
        }
        this.sources = new Map(data.sources.slice(1).map(([file, line, text]) => [`${file}:${line}`, text]));
        this.keyings = new Map();
    }

    /** What each branch is called by one of BYS: `of` numbers into `names`. */
    keying(by) {
        if (!this.keyings.has(by)) this.keyings.set(by, this.makeKeying(by));
        return this.keyings.get(by);
    }

    makeKeying(by) {
        const known = new Map();
        const names = [];
        const number = (key, make) => {
            if (!known.has(key)) {
                known.set(key, names.length);
                names.push(make());
            }
            return known.get(key);
        };
        const parts = {
            line: ([file, , line]) => `${file}:${line}`,
            function: ([file, name]) => `${file}/${name}`,
            file: ([file]) => file,
            package: ([, , , pack]) => pack,
        }[by];
        const byFrame = this.frames.map((frame) => number(parts(frame), () => this.nameOf(frame, by)));
        const of = this.frame.map((frame) =>
            frame >= 0 ? byFrame[frame] : number(MERGED[frame].label, () => MERGED[frame]));
        return { of, names };
    }

    /** label: short, for a box; where: the rest; text: all that a search looks at. */
    nameOf(frame, by) {
        const [file, name, line, pack] = frame;
        const path = shown(this.texts[file]);
        const func = shown(this.texts[name]);
        const own = shown(this.texts[pack]);
        if (path === "") return special("(no frame)", "no Python code ran");
        const at = line > 0 ? `:${line}` : "";
        const source = by === "line" ? this.sources.get(`${file}:${line}`) : undefined;
        const named = {
            line: [`${func} ${base(path)}${at}`.trim(), `${path}${at}`],
            function: [func || base(path), `${path}: ${func}`],
            file: [base(path), path],
            package: [own, own],
        }[by];
        return {
            label: named[0], where: named[1], package: own, source: source && shown(source),
            isSpecial: false,
            text: `${named[0]} ${named[1]} ${own}`.toLowerCase(),
        };
    }

    /** Which branches a filter leaves; null for all.  A branch has the frames of its callers, too. */
    mask(words) {
        const tests = words.map(makeTest);
        const isAnyWanted = tests.some((test) => !test.isUnwanted);
        if (tests.length === 0) return null;
        const met = this.frames.map(([file, name, line, pack]) => {
            const [path, func] = [this.texts[file] || "(no frame)", this.texts[name]];
            const text = `${func} ${path}:${line} ${this.texts[pack]}`.toLowerCase();
            return tests.reduce((sum, test) => sum | (test.fits(path, func, text) ? test.bit : 0), 0);
        });
        const all = new Uint8Array(this.n);
        return all.map((_, i) => {
            const callers = i > 0 && this.caller[i] > 0 ? all[this.caller[i]] : 0;
            all[i] = callers | (this.frame[i] >= 0 ? met[this.frame[i]] : 0);
            return (!isAnyWanted || all[i] & WANTED) && !(all[i] & UNWANTED) ? 1 : 0;
        });
    }

    /** What each branch and those it called hold. */
    subtrees(measure, mask) {
        const sums = new Figures(this.n);
        for (let i = this.n - 1; i >= 0; i--) {
            if (mask === null || mask[i]) sums.add(i, this.held[measure], i);
            if (i > 0) sums.add(this.caller[i], sums, i);
        }
        return sums;
    }

    /** The sum of all that is left. */
    total(measure, mask) {
        const sums = this.subtrees(measure, mask);
        return { bytes: sums.bytes[0], blocks: sums.blocks[0], variance: sums.variance[0] };
    }

    /** Rows of a table: what a key holds itself, and with all that it called. */
    rows(measure, by, mask) {
        const { of, names } = this.keying(by);
        const own = new Figures(names.length);
        const whole = new Figures(names.length);
        const sums = this.subtrees(measure, mask);
        for (let i = 0; i < this.n; i++) {
            if (mask === null || mask[i]) own.add(of[i], this.held[measure], i);
            if (i === 0) whole.add(of[i], this.held[measure], i);
            else if (this.isOutermost(i, of)) whole.add(of[i], sums, i);
        }
        if (mask !== null && !mask[0]) whole.bytes[of[0]] = 0;
        return names
            .map((name, key) => ({
                key, name, bytes: own.bytes[key], blocks: own.blocks[key], variance: own.variance[key],
                whole: whole.bytes[key], wholeVariance: whole.variance[key],
            }))
            .filter((row) => row.blocks > 0 || row.whole > 0);
    }

    isOutermost(branch, of) {
        for (let at = this.caller[branch]; at !== 0; at = this.caller[at]) {
            if (of[at] === of[branch]) return false;
        }
        return true;
    }

    /** The tree that a graph draws: callers first, or, inverted, who asked for the blocks first. */
    tree(measure, by, mask, inverted) {
        const keying = this.keying(by);
        const root = makeNode(null, -1, { label: "all", where: "everything that was traced", text: "", isSpecial: true });
        if (inverted) this.growInverted(root, measure, by, mask, keying);
        else this.grow(root, measure, by, mask, keying);
        return root;
    }

    grow(root, measure, by, mask, { of, names }) {
        const held = this.held[measure];
        const sums = this.subtrees(measure, mask);
        const nodes = new Array(this.n);
        nodes[0] = root;
        for (let i = 0; i < this.n; i++) {
            if (sums.blocks[i] === 0) continue;
            let node = i === 0 ? root : nodes[this.caller[i]];
            if (i > 0 && !(node.key === of[i] && MERGED_FILES.has(by))) node = childOf(node, of[i], names);
            nodes[i] = node;
            if (held.blocks[i] === 0 || (mask !== null && !mask[i])) continue;
            const holder = i === 0 ? childOf(root, of[0], names) : node;
            addFigures(holder, held, i);
            holder.own += held.bytes[i];
        }
    }

    growInverted(root, measure, by, mask, { of, names }) {
        const held = this.held[measure];
        for (let i = 0; i < this.n; i++) {
            if (held.blocks[i] === 0 || (mask !== null && !mask[i])) continue;
            let node = childOf(root, of[i], names);
            for (let at = this.caller[i]; i !== 0 && at !== 0; at = this.caller[at]) {
                if (!(node.key === of[at] && MERGED_FILES.has(by))) node = childOf(node, of[at], names);
            }
            addFigures(node, held, i);
            node.own += held.bytes[i];
        }
    }
}

function special(label, where) {
    return { label, where, package: "", text: label.toLowerCase(), isSpecial: true };
}

function makeNode(parent, key, name) {
    return { parent, key, name, bytes: 0, blocks: 0, variance: 0, own: 0, children: new Map() };
}

function childOf(node, key, names) {
    let child = node.children.get(key);
    if (child === undefined) {
        child = makeNode(node, key, names[key]);
        node.children.set(key, child);
    }
    return child;
}

/** To a node and all above it. */
function addFigures(node, from, at) {
    for (let to = node; to !== null; to = to.parent) {
        to.bytes += from.bytes[at];
        to.blocks += from.blocks[at];
        to.variance += from.variance[at];
    }
}

/** A word of a filter.  With * ? [] it fits a file or a function as a whole, without them a part of what is shown. */
function makeTest(word) {
    const isUnwanted = word.length > 1 && word.startsWith("-");
    const pattern = (isUnwanted ? word.slice(1) : word).toLowerCase();
    const test = { isUnwanted, bit: isUnwanted ? UNWANTED : WANTED };
    if (!/[*?[]/.test(pattern)) return { ...test, fits: (file, func, text) => text.includes(pattern) };
    const source = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".").replace(/\[!/g, "[^");
    try {
        const glob = new RegExp(`^${source}$`, "is");
        return { ...test, fits: (file, func) => glob.test(file) || glob.test(func) };
    } catch {
        return { ...test, fits: () => false }; // a bracket that is still open
    }
}
