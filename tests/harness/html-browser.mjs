// SPDX-License-Identifier: Apache-2.0
//
// html-browser.mjs CHROMIUM PROFILE PAGE [SHOTS]: opens a page of html-render, with names that would be scripts if they
// were not text, in headless Chromium, and checks what is then to be seen: wide, narrow, dark, on paper, without script, by
// keyboard. With SHOTS, a directory, screenshots of each stage are left there.

import assert from 'node:assert/strict';
import { contrast, end, lightness, mouse, noScripts, openFile, press, problems, run, send, shoot, size, start }
        from './browser.mjs';

const [chromium, profile, page, shots] = process.argv.slice(2);
const open = (width, height) => openFile(page, helpers, width, height);

const helpers = String.raw`
globalThis.alerts = 0;
globalThis.box = e => { const r = e.getBoundingClientRect(); return { x: r.x, y: r.y, w: r.width, h: r.height }; };
globalThis.rgb = text => text.match(/[\d.]+/g).slice(0, 3).map(Number);
globalThis.map = () => document.querySelector('#softirqs svg');
globalThis.said = () => document.querySelector('#softirqs output').textContent;
globalThis.heats = () => [0, 1, 2, 3, 4, 5, 6, 7].map(i => rgb(getComputedStyle(document.querySelector('.legend .h' + i)).backgroundColor));
globalThis.texts = () => ['body', 'header p', '.evidence', 'a', '.critical strong', '.warning strong', '.legend', 'thead th', 'summary']
        .map(s => [s, rgb(getComputedStyle(document.querySelector(s)).color)]);
globalThis.papers = () => ['body', '.findings li'].map(s => rgb(getComputedStyle(document.querySelector(s)).backgroundColor));
globalThis.wide = () => document.documentElement.scrollWidth;
`;

async function checkContent() {
        assert.match(await run('document.title'), /^Interrupts and softirqs of <script>alert\(1\)/);
        assert.deepEqual(await run("[...document.querySelectorAll('h2')].map(h => h.textContent)"),
                ['Findings', 'Windows', 'Stacks', 'Softirqs', 'Interrupts', 'Lateness of timers', 'Machine']);
        assert.equal(await run("document.querySelectorAll('script').length"), 1, 'a script that is not ours');
        assert.equal(await run("document.querySelectorAll('img').length"), 0);
        assert.equal(await run("document.querySelectorAll('.timeline rect').length"), 1000);
        assert.ok(await run("document.querySelectorAll('.findings li').length") >= 3);
        assert.ok(await run("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))"),
                'a link to nowhere');
        assert.deepEqual(await run(`[...document.querySelectorAll('svg[role=img], iframe, .wide')]
                .filter(e => !(e.getAttribute('aria-label') || e.title)).map(e => e.outerHTML.slice(0, 80))`), [],
                'pictures or regions without a name');
        assert.equal(await run("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"),
                await run("document.querySelectorAll('[id]').length"), 'an id twice');
}

async function checkWide() {
        await open(1280, 900);
        await checkContent();
        assert.ok(await run('wide()') <= 1280, 'scrolls sideways');
        const frame = await run("box(document.querySelector('iframe'))");
        assert.ok(frame.w > 800 && frame.h > 300, 'no room for the flame graph');
        const cells = await run("[...map().querySelectorAll('path')].reduce((n, p) => n + (p.getAttribute('d').match(/M/g) ?? []).length, 0)");
        assert.ok(cells > 100, `the map has only ${cells} rectangles`);
        await shoot(shots, '1-wide', true);
}

// What a pointer and keys read out is what the data has.
async function checkReadOut() {
        await run("map().scrollIntoView({ block: 'center' })");
        const at = await run('box(map())');
        await mouse('mouseMoved', at.x + 0.5 * at.w / 120, at.y + 1.5 * at.h / 64);
        const value = await run("map().dataset.values.split(';')[1].split(',')[0]");
        assert.match(await run('said()'), new RegExp('^CPU 1, .*: ' + value.replace('.', '\\.') + ' a second$'));
        await run('map().focus()');
        await press('ArrowDown');
        assert.match(await run('said()'), /^CPU 2, /);
        await press('Home');
        for (let i = 0; i < 39; i++)
                await press('ArrowRight');
        assert.match(await run('said()'), /: nothing recorded$/);
        await press('ArrowUp');
        await press('ArrowUp');
        await press('ArrowUp');
        assert.match(await run('said()'), /^CPU 0, /);
        await shoot(shots, '2-read-out');
}

// From the top, Tab comes to the skip link, then to everything that can be worked.
async function checkTab() {
        await open(1280, 900);
        await press('Tab');
        assert.equal(await run('document.activeElement.className'), 'skip');
        assert.ok((await run('box(document.activeElement)')).x >= 0, 'the skip link is not seen when it has the focus');
        const seen = new Set();
        for (let i = 0; i < 60; i++) {
                await press('Tab');
                seen.add(await run('document.activeElement.tagName.toLowerCase()'));
        }
        for (const name of ['a', 'div', 'svg', 'summary', 'iframe'])
                assert.ok(seen.has(name), `Tab does not come to ${name}`);
        await run("document.querySelector('#softirqs details').open = true");
        assert.equal(await run("document.querySelectorAll('#softirqs details')[0].querySelectorAll('tbody tr').length"), 64);
}

async function checkColours(mode) {
        const heats = (await run('heats()')).map(lightness), papers = await run('papers()');
        const way = mode === 'dark' ? 1 : -1;

        for (let i = 1; i < heats.length; i++)
                assert.ok((heats[i] - heats[i - 1]) * way > 3, `${mode}: heat ${i} is not told from ${i - 1}: ${heats}`);
        for (const [name, text] of await run('texts()'))
                for (const paper of papers)
                        assert.ok(contrast(text, paper) >= 4.5, `${mode}: ${name} has a contrast of ${contrast(text, paper)}`);
}

async function checkDark() {
        await checkColours('light');
        await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
        await open(1280, 900);
        await checkColours('dark');
        await shoot(shots, '3-dark', true);
        await send('Emulation.setEmulatedMedia', { features: [] });
}

async function checkNarrow() {
        await open(380, 800);
        assert.ok(await run('wide()') <= 380, `scrolls sideways at 380 px: ${await run('wide()')}`);
        assert.ok((await run('box(map())')).w > 250, 'the map has no room');
        await shoot(shots, '4-narrow', true);
}

async function checkPaper() {
        await open(1280, 900);
        const { data } = await send('Page.printToPDF', { printBackground: true, paperWidth: 8.27, paperHeight: 11.69 });
        assert.ok(Buffer.from(data, 'base64').length > 50000, 'hardly anything is printed');
        await send('Emulation.setEmulatedMedia', { media: 'print' });
        assert.equal(await run("getComputedStyle(document.querySelector('nav')).display"), 'none');
        await size(800, 900);
        await shoot(shots, '5-print', true);
        await send('Emulation.setEmulatedMedia', { media: '' });
}

async function checkStill() {
        await noScripts();
        await open(1280, 900);
        assert.ok(await run("document.querySelectorAll('.findings li').length") >= 3);
        assert.ok((await run("box(document.querySelector('#softirqs svg'))")).h > 100);
}

try {
        await start(chromium, profile);
        for (const check of [checkWide, checkReadOut, checkTab, checkDark, checkNarrow, checkPaper, checkStill]) {
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
