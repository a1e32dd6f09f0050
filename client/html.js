/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads out single values of the heat maps, by pointer and by arrow keys. Without it the page is complete but for that: the
 * tables below the maps have their numbers.
 */
(function () {
'use strict';

const SVG = 'http://www.w3.org/2000/svg';

function clock(us) {
        return new Date(us / 1000).toLocaleTimeString([], { hour12: false });
}

function duration(ns) {
        for (const [unit, size] of [['s', 1e9], ['ms', 1e6], ['us', 1e3]])
                if (ns >= size)
                        return Number((ns / size).toPrecision(3)) + ' ' + unit;
        return ns + ' ns';
}

function attach(svg) {
        const { axis, values, cpus } = svg.dataset;
        const n = Number(svg.dataset.n), since = Number(svg.dataset.since), until = Number(svg.dataset.until);
        const ids = cpus.split(','), rows = values.split(';').map(row => row.split(','));
        const output = svg.closest('figure').querySelector('output');
        const cursor = document.createElementNS(SVG, 'rect');
        let x = 0, y = 0;

        cursor.setAttribute('class', 'cursor');
        cursor.setAttribute('width', 1);
        cursor.setAttribute('height', 1);

        function what() {
                const value = rows[y][x], isLate = axis === 'lateness';
                const at = i => isLate ? duration(2 ** i) : clock(since + (until - since) * i / n);
                const words = { cpu : ids[y], from : at(x), to : at(x + 1), n : value || 0 };
                const { late, rate, none } = document.querySelector('main').dataset;

                return (isLate         ? late
                        : value === '' ? none
                                       : rate)
                        .replace(/\{(\w+)\}/g, (_, key) => words[key]);
        }

        function show(newX, newY) {
                x = Math.max(0, Math.min(n - 1, newX));
                y = Math.max(0, Math.min(ids.length - 1, newY));
                cursor.setAttribute('x', x);
                cursor.setAttribute('y', y);
                svg.append(cursor);
                output.textContent = what();
        }

        svg.addEventListener('pointermove', event => {
                const box = svg.getBoundingClientRect();
                show(Math.floor((event.clientX - box.left) / box.width * n), Math.floor((event.clientY - box.top) / box.height * ids.length));
        });
        svg.addEventListener('keydown', event => {
                const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-n, 0], End: [n, 0] };
                const step = steps[event.key];
                if (!step || event.ctrlKey || event.metaKey || event.altKey)
                        return;
                event.preventDefault();
                show(x + step[0], y + step[1]);
        });
}

document.querySelectorAll('svg[data-values]').forEach(attach);

// Paper cannot be unfolded.
let opened = [];
addEventListener('beforeprint', () => {
        opened = [...document.querySelectorAll('details:not([open])')];
        opened.forEach(d => d.open = true);
});
addEventListener('afterprint', () => opened.forEach(d => d.open = false));
})();
