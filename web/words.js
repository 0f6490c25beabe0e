// words.js - sizes, counts and names as people read them.
//
// Names come from programs and may hold anything: they are only ever set as text, and what could move other text
// about or can't be seen is written as an escape, as the tool does on a terminal.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** "12.3 MiB" */
export function size(bytes) {
    let unit = 0;
    let value = Math.round(bytes);
    while (value >= 1023.95 && unit < UNITS.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** "9500", "41.2 k", "3.1 M" */
export function count(n) {
    let unit = -1;
    let value = Math.round(n);
    if (value < 10000) return String(value);
    do {
        value /= 1000;
        unit++;
    } while (value >= 999.95 && unit < 5);
    return `${value.toFixed(1)} ${"kMGTPE"[unit]}`;
}

/** 1234567 as "1 234 567", with thin spaces. */
export function inFull(n) {
    return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** "41 ms", "2.41 s", "3 min 20 s" */
export function time(ns) {
    const seconds = ns / 1e9;
    const pad = (n) => String(Math.floor(n)).padStart(2, "0");
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 60) return `${seconds.toFixed(2)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${pad((seconds % 3600) / 60)} min`;
}

export function percent(part, whole) {
    return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}

/** The figure with its standard error, where it has one. */
export function estimate(bytes, variance) {
    return variance > 0 ? `${size(bytes)} ± ${size(Math.sqrt(variance))}` : size(bytes);
}

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb]/g;

/** A name with nothing in it that is not plainly seen. */
export function shown(name) {
    return name.replace(UNSEEN, (c) => {
        const code = c.charCodeAt(0);
        return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
    });
}

/** A path without its folders. */
export function base(path) {
    return path.slice(path.lastIndexOf("/") + 1) || path;
}

/** Calls `draw` whenever a part of the page has another width. */
export function whenResized(place, draw) {
    let width = -1;
    new ResizeObserver(() => {
        if (place.clientWidth === width) return;
        width = place.clientWidth;
        draw();
    }).observe(place);
}

/** A new element: attributes, then what is in it (texts and elements). */
export function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
        else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children);
    return made;
}

/** The same for SVG. */
export function drawn(name, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
}
