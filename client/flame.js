/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes the still picture of flame-svg.c interactive: zoom, search, hover, keyboard, any width of window.
 * Everything it knows of the frames it reads back from the picture: data-f is "row start weight count",
 * <title> has the name, where it ran, and how much.
 */
(function (svg) {
'use strict';

const SVG = 'http://www.w3.org/2000/svg', HTML = 'http://www.w3.org/1999/xhtml';
const MARGIN = 10, ROW = 19, INDENT = 4, BASELINE = 13, COLUMNS_MIN = 3;
const PIXELS_MIN = 0.3;  // narrower frames are not drawn in this view
const unit = svg.dataset.unit, hasCounts = svg.dataset.counts === '1';
const holder = svg.querySelector('.frames');
const frames = [], byElement = new Map();
let zoomed, focused, width = 0, top = 0, rows = 1, column = 7.25, pattern = null, pending = false;

function make(ns, name, parent, attributes) {
        const element = document.createElementNS(ns, name);
        for (const key in attributes || {})
                element.setAttribute(key, attributes[key]);
        if (parent)
                parent.appendChild(element);
        return element;
}

// --- numbers for people: the same forms as flame_weight_text()

function amount(value) {
        if (unit !== 'time')
                return value + ' ' + (unit === 'windows' ? 'window' : 'sample') + (value === 1 ? '' : 's');
        if (value < 1e6)
                return Math.floor(value / 1e3) + ' \u00b5s';
        if (value < 1e8)
                return (Math.floor(value / 1e5) / 10).toFixed(1) + ' ms';
        if (value < 1e10)
                return Math.floor(value / 1e6) + ' ms';
        return (Math.floor(value / 1e8) / 10).toFixed(1) + ' s';
}

function percent(part, whole) {
        const value = whole > 0 ? part * 100 / whole : 0;
        return value > 0 && value < 0.05 ? 'under 0.1 %' : value.toFixed(1) + ' %';
}

function windows(count) {
        return hasCounts ? ', ' + count + (count === 1 ? ' window' : ' windows') : '';
}

// --- the frames, read back from the picture

function textColumns(text) {
        let n = 0;
        for (const c of text) {
                const p = c.codePointAt(0);
                n += (p >= 0x1100 && p <= 0x115f) || (p >= 0x2e80 && p <= 0xd7a3) || (p >= 0xf900 && p <= 0xfaff) ||
                                     (p >= 0xfe30 && p <= 0xfe6f) || (p >= 0xff00 && p <= 0xff60) || p >= 0x1f300
                             ? 2
                             : 1;
        }
        return n;
}

function read() {
        const path = [];
        for (const g of holder.children) {
                const [row, start, weight, count] = g.dataset.f.split(' ').map(Number);
                const title = g.querySelector('title'), lines = title.textContent.split('\n');
                const frame = {
                        g, row, start, weight, count, name: lines[0], where: lines[1], columns: textColumns(lines[0]),
                        end: start + weight, rect: g.querySelector('rect'), text: g.querySelector('text'),
                        parent: row > 0 ? path[row - 1] : null, children: [], index: frames.length, hit: false,
                };
                frame.full = frame.where.includes(', ') ? frame.name + ' [' + frame.where.split(', ')[1] + ']' : frame.name;
                title.remove();  // else the browser shows it on top of our own
                path[row] = frame;
                if (frame.parent)
                        frame.parent.children.push(frame);
                frames.push(frame);
                byElement.set(g, frame);
                rows = Math.max(rows, row + 1);
                g.setAttribute('role', 'treeitem');
                g.setAttribute('tabindex', '-1');
                g.setAttribute('aria-level', row + 1);
                g.setAttribute('aria-label', lines.join(', '));
        }
}

// --- drawing

function cut(text, columns) {
        let out = '', used = 0;
        for (const c of text) {
                used += textColumns(c);
                if (used >= columns)
                        break;
                out += c;
        }
        return out + '\u2026';
}

function drawLabel(frame, x, y, w) {
        const columns = Math.floor((w - 2 * INDENT) / column);
        if (columns < COLUMNS_MIN && frame.columns > columns) {
                if (frame.text)
                        frame.text.textContent = '';
                return;
        }
        if (!frame.text)
                frame.text = make(SVG, 'text', frame.g);
        frame.text.setAttribute('x', x + INDENT);
        frame.text.setAttribute('y', y + BASELINE);
        frame.text.textContent = frame.columns <= columns ? frame.name : cut(frame.name, columns);
}

function isAbove(frame) {
        for (let at = zoomed.parent; at; at = at.parent)
                if (at === frame)
                        return true;
        return false;
}

function isBelow(frame) {
        return frame.index >= zoomed.index && frame.index < zoomed.last;
}

function drawFrame(frame, scale) {
        const above = frame.row < zoomed.row && isAbove(frame);
        const full = above || frame === zoomed;
        const x = full ? MARGIN : MARGIN + (frame.start - zoomed.start) * scale;
        const w = full ? width - 2 * MARGIN : frame.weight * scale;
        const off = !full && (!isBelow(frame) || w < PIXELS_MIN);
        const y = top + (rows - 1 - frame.row) * ROW;

        frame.shown = !off;
        frame.g.classList.toggle('off', off);
        frame.g.classList.toggle('above', above);
        if (off)
                return;
        frame.x = x;
        frame.y = y;
        frame.w = w;
        frame.rect.setAttribute('x', x.toFixed(2));
        frame.rect.setAttribute('y', y);
        frame.rect.setAttribute('width', (w > 1.5 ? w - 0.5 : w).toFixed(2));
        drawLabel(frame, x, y, w);
}

function draw() {
        const scale = (width - 2 * MARGIN) / (zoomed.weight || 1);
        for (const frame of frames)
                drawFrame(frame, scale);
        reset.hidden = zoomed === frames[0];
        showMatched();
}

function measure() {
        const sample = make(SVG, 'text', holder);
        sample.textContent = 'abcdefghij_0123456789'.repeat(4);
        column = sample.getComputedTextLength() / 84 || column;
        sample.remove();
}

// The head is as high as its text needs at this width; the frames go below it.
function fit() {
        svg.removeAttribute('viewBox');
        svg.setAttribute('width', '100%');
        width = Math.max(160, Math.floor(svg.getBoundingClientRect().width) || 1200);
        head.setAttribute('width', width);
        head.setAttribute('height', 4000);
        top = Math.ceil(bar.getBoundingClientRect().height);
        head.setAttribute('height', top);
        svg.setAttribute('height', top + rows * ROW + MARGIN);
        draw();
}

// A vertical scroll bar that comes with the new height takes width away: look again.
function refit() {
        pending = false;
        hideTip();
        fit();
        if (Math.floor(svg.getBoundingClientRect().width) !== width)
                fit();
}

function zoom(frame) {
        zoomed = frame;
        hideTip();
        draw();
}

// --- search

function compile(text) {
        if (text === '')
                return null;
        return new RegExp(text, text === text.toLowerCase() ? 'i' : '');
}

function search() {
        try {
                pattern = compile(input.value);
                input.classList.remove('bad');
                input.removeAttribute('aria-invalid');
        } catch (error) {
                pattern = null;
                input.classList.add('bad');
                input.setAttribute('aria-invalid', 'true');
        }
        for (const frame of frames) {
                frame.hit = pattern !== null && frame.row > 0 && pattern.test(frame.full);
                frame.g.classList.toggle('hit', frame.hit);
        }
        svg.classList.toggle('searching', pattern !== null);
        showMatched();
}

// What is below a match counts once, however many of its frames match too.
function showMatched() {
        let weight = 0, count = 0, hits = 0, end = -1;
        if (pattern === null) {
                matched.textContent = input.classList.contains('bad') ? 'not a regular expression' : '';
                return;
        }
        for (const frame of frames) {
                if (!frame.hit || !isBelow(frame))
                        continue;
                hits++;
                if (frame.index < end)
                        continue;
                end = frame.last;
                weight += frame.weight;
                count += frame.count;
        }
        // A match above the zoomed frame holds all that is shown.
        for (let at = zoomed.parent; at; at = at.parent)
                if (at.hit) {
                        hits++;
                        weight = zoomed.weight;
                        count = zoomed.count;
                }
        matched.textContent = hits === 0 ? 'no match' :
                'matched ' + percent(weight, zoomed.weight) + ' \u00b7 ' + amount(weight) + windows(count);
}

// --- what is under the pointer

function describe(frame) {
        let text = amount(frame.weight) + ', ' + percent(frame.weight, frames[0].weight);
        if (zoomed !== frames[0] && frame.row > zoomed.row)
                text += ' of all, ' + percent(frame.weight, zoomed.weight) + ' of ' + zoomed.name;
        return text + windows(frame.count);
}

function showTip(frame, x, y) {
        tip.replaceChildren();
        make(HTML, 'b', tip).textContent = frame.name;
        make(HTML, 'span', tip).textContent = describe(frame);
        make(HTML, 'span', tip).textContent = frame.where;

        float.style.display = '';
        float.setAttribute('width', Math.min(460, width - 8));
        float.setAttribute('height', 400);
        const box = tip.getBoundingClientRect();
        const origin = svg.getBoundingClientRect();
        const low = Math.min(origin.height, window.innerHeight - origin.top);
        float.setAttribute('x', Math.max(4, Math.min(x + 14, width - box.width - 4)));
        float.setAttribute('y', y + 18 + box.height > low ? Math.max(-origin.top, y - box.height - 10) : y + 18);
        float.setAttribute('width', box.width + 1);
        float.setAttribute('height', box.height + 1);
}

function hideTip() {
        float.style.display = 'none';
}

function frameOf(target) {
        return (target.closest && byElement.get(target.closest('.frames > g'))) || null;
}

// --- keyboard

function focus(frame) {
        if (!frame || !frame.shown)
                return;
        focused.g.setAttribute('tabindex', '-1');
        focused = frame;
        frame.g.setAttribute('tabindex', '0');
        frame.g.focus({ preventScroll: true });
        frame.rect.scrollIntoView({ block: 'nearest', inline: 'nearest' });
        showTip(frame, frame.x, frame.y);
}

function sibling(frame, step) {
        const all = frame.parent ? frame.parent.children : [];
        let i = all.indexOf(frame) + step;
        while (all[i] && !all[i].shown)
                i += step;
        return all[i];
}

function widest(frame) {
        return frame.children.reduce((a, b) => b.shown && (!a || b.weight > a.weight) ? b : a, null);
}

const keys = {
        ArrowUp: () => focus(widest(focused)),
        ArrowDown: () => focus(focused.parent),
        ArrowLeft: () => focus(sibling(focused, -1)),
        ArrowRight: () => focus(sibling(focused, 1)),
        Home: () => focus(frames[0]),
        Enter: () => zoom(focused),
        ' ': () => zoom(focused),
};

function clear() {
        if (input.value !== '') {
                input.value = '';
                search();
        } else {
                zoom(frames[0]);
        }
        input.blur();
        hideTip();
}

function key(event) {
        const typing = event.target === input;
        const find = (event.key === 'f' || event.key === 'F') && (event.ctrlKey || event.metaKey) && !event.altKey;

        if (find || (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey)) {
                input.focus();
                input.select();
        } else if (event.key === 'Escape') {
                clear();
        } else if (frameOf(event.target) && keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
                keys[event.key]();
        } else {
                return;
        }
        event.preventDefault();
}

// --- the head and the tip, in HTML, which knows how to break lines

const head = make(SVG, 'foreignObject', svg, { x: 0, y: 0 });
const bar = make(HTML, 'div', head, { 'class': 'bar' });
make(HTML, 'h1', bar).textContent = svg.querySelector('title').textContent;
make(HTML, 'p', bar).textContent = svg.querySelector('desc').textContent;
const line = make(HTML, 'div', bar, { 'class': 'row' });
for (const [style, label] of [['task', 'process'], ['user', 'user'], ['kernel', 'kernel'], ['irq', 'interrupt']]) {
        const item = make(HTML, 'span', line, { 'class': 'key' });
        make(HTML, 'i', item, { 'class': style });
        item.append(label);
}
const tools = make(HTML, 'div', line, { 'class': 'tools' });
const matched = make(HTML, 'output', tools);
const reset = make(HTML, 'button', tools, { type: 'button', title: 'Show all (Escape)' });
reset.textContent = 'Reset zoom';
const input = make(HTML, 'input', tools, {
        type: 'text', placeholder: 'Search: regex  ( / )', 'aria-label': 'Search frames by regular expression',
        autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off',
});
const float = make(SVG, 'foreignObject', svg, { 'class': 'float', x: 0, y: 0 });
const tip = make(HTML, 'div', float, { 'class': 'tip', role: 'status' });

read();
if (frames.length === 0)
        return;
for (let i = frames.length - 1; i >= 0; i--) {  // last: one past the frames below
        frames[i].last = frames[i].last || i + 1;
        if (frames[i].parent)
                frames[i].parent.last = Math.max(frames[i].parent.last || 0, frames[i].last);
}
zoomed = focused = frames[0];
focused.g.setAttribute('tabindex', '0');
holder.setAttribute('role', 'tree');
holder.setAttribute('aria-label', 'Flame graph');
svg.classList.add('live');
hideTip();
measure();
refit();

holder.addEventListener('click', event => {
        const frame = frameOf(event.target);
        if (frame)
                zoom(frame);
});
holder.addEventListener('mousemove', event => {
        const frame = frameOf(event.target), origin = svg.getBoundingClientRect();
        if (frame)
                showTip(frame, event.clientX - origin.left, event.clientY - origin.top);
});
holder.addEventListener('mouseleave', hideTip);
reset.addEventListener('click', () => zoom(frames[0]));
input.addEventListener('input', search);
document.addEventListener('keydown', key);
window.addEventListener('resize', () => {
        if (!pending)
                requestAnimationFrame(refit);
        pending = true;
});
})(document.currentScript.closest('svg'));
