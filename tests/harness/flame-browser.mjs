// SPDX-License-Identifier: Apache-2.0
//
// flame-browser.mjs CHROMIUM PROFILE SVG [SHOTS]: opens a flame graph of tests/fixtures/flame/mixed.folded in
// headless Chromium, works it with mouse and keyboard, and checks what is then on the page. With SHOTS, a
// directory, screenshots of each stage are left there.

import assert from 'node:assert/strict';
import { click, contrast, distances, end, mouse, noScripts, openFile, press, problems, run, send, shoot, size, start }
        from './browser.mjs';

const [chromium, profile, svg, shots] = process.argv.slice(2);
const open = () => openFile(svg, helpers);
const shot = name => shoot(shots, name);

// --- eyes: these run in the page

const helpers = String.raw`
globalThis.shown = () => [...document.querySelectorAll('.frames > g')].filter(g => !g.classList.contains('off'));
globalThis.nameOf = g => (g.getAttribute('aria-label') ?? g.querySelector('title').textContent).split(/, |\n/)[0];
globalThis.named = name => shown().find(g => nameOf(g) === name);
globalThis.box = e => { const r = e.getBoundingClientRect(); return { x: r.x, y: r.y, w: r.width, h: r.height }; };
globalThis.boxOf = name => { const g = named(name); return g ? box(g.querySelector('rect')) : null; };
globalThis.overflows = () => shown().filter(g => {
        const text = g.querySelector('text');
        return text && text.textContent && text.getComputedTextLength() > box(g.querySelector('rect')).w;
}).map(nameOf);
globalThis.labels = () => shown().filter(g => g.querySelector('text')?.textContent).length;
globalThis.blank = () => shown().filter(g => box(g.querySelector('rect')).w > 60 && !g.querySelector('text')?.textContent).map(nameOf);
globalThis.output = () => document.querySelector('output').textContent;
globalThis.tip = () => document.querySelector('.tip').innerText;
globalThis.wide = () => document.documentElement.scrollWidth;
globalThis.colours = () => Object.fromEntries(['task', 'user', 'kernel', 'irq'].map(c => {
        const g = document.querySelector('.frames > g.' + c);
        return [c, [getComputedStyle(g.querySelector('rect')).fill, getComputedStyle(g.querySelector('text') ?? g).fill]
                .map(s => s.match(/[\d.]+/g).slice(0, 3).map(Number))];
}));
globalThis.paper = () => getComputedStyle(document.querySelector('.paper')).fill;
`;

function checkColours(colours, mode) {
        const names = ['user', 'kernel', 'irq'];
        let least = Infinity;

        for (const a of names)
                for (const b of names.filter(n => n > a))
                        for (const [vision, distance] of Object.entries(distances(colours[a][0], colours[b][0]))) {
                                assert.ok(distance >= 15, `${mode}, ${vision}: ${a} and ${b} differ by ${distance}`);
                                least = Math.min(least, distance);
                        }
        for (const [name, [fill, text]] of Object.entries(colours))
                assert.ok(contrast(fill, text) >= 4.5, `${mode}: text on ${name} has a contrast of ${contrast(fill, text)}`);
        console.log(`ok: ${mode} colours differ by at least ${least.toFixed(1)} for every kind of colour vision`);
}

// --- the checks

async function checkFits(what) {
        assert.deepEqual(await run('overflows()'), [], what + ': labels wider than their frames');
        assert.deepEqual(await run('blank()'), [], what + ': wide frames without a label');
        assert.ok(await run('labels()') > 5, what + ': hardly any labels');
}

async function checkWhole() {
        await open();
        await checkFits('1200 px');
        assert.ok(await run('wide()') <= 1200, 'scrolls sideways at 1200 px');
        assert.equal(await run("document.title"), 'Time by stack');
        checkColours(await run('colours()'), 'light');
        await shot('1-whole');
}

async function checkZoom() {
        const before = await run("boxOf('ngx_http_upstream_send')");

        await click(before.x + before.w / 2, before.y + 5);
        const after = await run("boxOf('ngx_http_upstream_send')");
        assert.ok(before.w < 400 && after.w > 1170, `zoomed from ${before.w} to ${after.w}`);
        assert.equal(await run("named('postgres')"), undefined, 'what is beside the zoomed frame is still there');
        assert.ok(await run("boxOf('nginx').w") > 1170, 'what holds the zoomed frame is not of full width');
        assert.ok((await run("box(document.querySelector('button'))")).w > 0, 'no button to reset');
        await checkFits('zoomed');
        await shot('2-zoomed');

        const button = await run("box(document.querySelector('button'))");
        await click(button.x + 5, button.y + 5);
        assert.ok(Math.abs(await run("boxOf('ngx_http_upstream_send').w") - before.w) < 0.1, 'reset does not bring it back');

        await click(before.x + before.w / 2, before.y + 5);
        await press('Escape');
        assert.ok(Math.abs(await run("boxOf('ngx_http_upstream_send').w") - before.w) < 0.1, 'Escape does not reset');
}

async function checkSearch() {
        await press('/', { text: '/' });
        assert.equal(await run('document.activeElement.tagName.toLowerCase()'), 'input', '/ does not go to the search');
        await send('Input.insertText', { text: '^(nginx|postgres|exec_.*)$' });
        const expected = await run(String.raw`(() => {
                const all = [...document.querySelectorAll('.frames > g')].map(g => [nameOf(g), g.dataset.f.split(' ').map(Number)]);
                const sum = all.filter(([n]) => n === 'nginx' || n === 'postgres').reduce((s, [, f]) => s + f[2], 0);
                return (sum * 100 / all[0][1][2]).toFixed(1);
        })()`);
        assert.match(await run('output()'), new RegExp('matched ' + expected.replace('.', '\\.') + ' %'));
        assert.equal(await run("document.querySelectorAll('.hit').length"), 3);
        await shot('3-search');

        await press('Escape');
        assert.equal(await run("document.querySelectorAll('.hit').length"), 0, 'Escape does not clear the search');
        await press('f', { ctrl: true });
        await send('Input.insertText', { text: '(' });
        assert.match(await run('output()'), /not a regular expression/);
        await press('Escape');
        await press('/', { text: '/' });
        await send('Input.insertText', { text: 'no such frame' });
        assert.match(await run('output()'), /no match/);
        await press('Escape');
}

async function checkHover() {
        const at = await run("boxOf('net_rx_action')");

        await mouse('mouseMoved', at.x + 20, at.y + 8);
        assert.match(await run('tip()'), /^net_rx_action\n33\.4 ms, 1\d\.\d %/);
        assert.match(await run('tip()'), /interrupt/);
        assert.ok((await run("box(document.querySelector('.tip'))")).w > 50, 'the tip is not to be seen');
        await shot('4-hover');
        const edge = await run("boxOf('worker-39')");
        await mouse('mouseMoved', edge.x + edge.w / 2, edge.y + 8);
        const tip = await run("box(document.querySelector('.tip'))");
        assert.ok(tip.x + tip.w <= 1200, 'the tip leaves the window');
        await mouse('mouseMoved', 600, 2);
        assert.equal(await run("box(document.querySelector('.tip')).w"), 0, 'the tip stays');
}

async function checkKeys() {
        await run("document.querySelector('.frames > g[tabindex=\"0\"]').focus()");
        await press('ArrowUp');
        assert.equal(await run("nameOf(document.activeElement)"), 'postgres');
        await press('ArrowLeft');
        assert.equal(await run("nameOf(document.activeElement)"), 'nginx');
        await press('Enter');
        assert.ok(await run("boxOf('nginx').w") > 1170, 'Enter does not zoom');
        await press('Escape');
}

async function checkNarrow() {
        await size(400, 800);
        await checkFits('400 px');
        assert.ok(await run('wide()') <= 400, 'scrolls sideways at 400 px');
        const input = await run("box(document.querySelector('input'))");
        assert.ok(input.x >= 0 && input.x + input.w <= 400, 'the search leaves the window');
        assert.ok(input.y + input.h <= (await run("Math.min(...shown().map(g => box(g).y))")), 'the head covers frames');
        await shot('5-narrow');
        await size(1200, 800);
        await checkFits('1200 px again');
}

async function checkDark() {
        const light = await run('paper()');

        await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
        await open();
        assert.notEqual(await run('paper()'), light, 'the dark mode is not dark');
        checkColours(await run('colours()'), 'dark');
        await shot('6-dark');
        await send('Emulation.setEmulatedMedia', { features: [] });
}

async function checkStill() {
        await noScripts();
        await open();
        assert.equal(await run("document.querySelector('foreignObject')"), null, 'the script ran after all');
        await checkFits('without script');
        assert.ok(await run("box(document.querySelector('.head .title')).w") > 20, 'no title without script');
        await shot('7-still');
}

try {
        await start(chromium, profile);
        for (const check of [checkWhole, checkZoom, checkSearch, checkHover, checkKeys, checkNarrow, checkDark, checkStill]) {
                await check();
                assert.deepEqual(problems, []);
                console.log('ok: ' + check.name);
        }
} catch (error) {
        console.error(error);
        process.exitCode = 1;
} finally {
        await end();
}
