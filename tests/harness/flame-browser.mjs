// SPDX-License-Identifier: Apache-2.0
//
// flame-browser.mjs CHROMIUM PROFILE SVG [SHOTS]: opens a flame graph of tests/fixtures/flame/mixed.folded in
// headless Chromium, works it with mouse and keyboard, and checks what is then on the page. With SHOTS, a
// directory, screenshots of each stage are left there. The browser is spoken to over a pipe: no port, no packages.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [chromium, profile, svg, shots] = process.argv.slice(2);
const DEADLINE_MS = 60000;

const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe',
        '--no-first-run', '--disable-background-networking', '--user-data-dir=' + profile, 'about:blank'],
        { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const watchdog = setTimeout(() => { console.error('no answer from the browser'); browser.kill('SIGKILL'); process.exit(1); },
        DEADLINE_MS);

// --- the protocol: JSON objects that end in NUL

const waiting = new Map(), events = [], problems = [];
let serial = 0, rest = '', session, scripts = true;

browser.stdio[4].setEncoding('utf8').on('data', data => {
        const parts = (rest + data).split('\0');
        rest = parts.pop();
        for (const message of parts.map(text => JSON.parse(text))) {
                if (message.id)
                        waiting.get(message.id)(message);
                else
                        events.push(message);
                if (message.method === 'Runtime.exceptionThrown')
                        problems.push(message.params.exceptionDetails.exception?.description);
                if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error')
                        problems.push(message.params.entry.text);
                if (message.method === 'Network.requestWillBeSent' && !message.params.request.url.startsWith('file:'))
                        problems.push('network: ' + message.params.request.url);
        }
});

function send(method, params = {}) {
        const id = ++serial;
        browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId: session }) + '\0');
        return new Promise((resolve, reject) => waiting.set(id, message => {
                waiting.delete(id);
                message.error ? reject(new Error(method + ': ' + message.error.message)) : resolve(message.result);
        }));
}

async function run(expression) {
        const { result, exceptionDetails } = await send('Runtime.evaluate',
                { expression, returnByValue: true, awaitPromise: true });
        if (exceptionDetails)
                throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
}

async function size(width, height) {
        await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
        if (scripts)  // else no frame callback ever comes
                await run('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

async function open(width = 1200, height = 800) {
        await size(width, height);
        events.length = 0;
        await send('Page.navigate', { url: pathToFileURL(svg).href });
        while (!events.some(e => e.method === 'Page.loadEventFired'))
                await new Promise(done => setTimeout(done, 5));
        await run(helpers);
        await size(width, height);
}

async function shot(name) {
        if (!shots)
                return;
        const { data } = await send('Page.captureScreenshot');
        writeFileSync(`${shots}/${name}.png`, Buffer.from(data, 'base64'));
}

// --- hands

async function mouse(type, x, y, extra = {}) {
        await send('Input.dispatchMouseEvent', { type, x, y, ...extra });
}

async function click(x, y) {
        await mouse('mouseMoved', x, y);
        await mouse('mousePressed', x, y, { button: 'left', clickCount: 1 });
        await mouse('mouseReleased', x, y, { button: 'left', clickCount: 1 });
}

async function press(key, { ctrl = false, text } = {}) {
        const common = { key, modifiers: ctrl ? 2 : 0, text };
        await send('Input.dispatchKeyEvent', { type: 'keyDown', ...common });
        await send('Input.dispatchKeyEvent', { type: 'keyUp', key, modifiers: common.modifiers });
}

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

// --- colours, as people with each kind of colour vision see them

const linear = c => c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const multiply = (m, v) => m.map(row => Math.min(1, Math.max(0, row[0] * v[0] + row[1] * v[1] + row[2] * v[2])));
const luminance = c => multiply([[0.2126, 0.7152, 0.0722]], linear(c))[0];
// Machado, Oliveira and Fernandes 2009, severity 1
const visions = {
        normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
        tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

function lab(rgb) {
        const [x, y, z] = multiply([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], rgb);
        const f = t => t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
        const [a, b, c] = [f(x / 0.9505), f(y), f(z / 1.089)];
        return [116 * b - 16, 500 * (a - b), 200 * (b - c)];
}

function checkColours(colours, mode) {
        const names = ['user', 'kernel', 'irq'];
        let least = Infinity;

        for (const [vision, matrix] of Object.entries(visions))
                for (const a of names)
                        for (const b of names.filter(n => n > a)) {
                                const [p, q] = [a, b].map(n => lab(multiply(matrix, linear(colours[n][0]))));
                                const distance = Math.hypot(...p.map((v, i) => v - q[i]));
                                assert.ok(distance >= 15, `${mode}, ${vision}: ${a} and ${b} differ by ${distance}`);
                                least = Math.min(least, distance);
                        }
        for (const [name, [fill, text]] of Object.entries(colours)) {
                const [dark, light] = [luminance(fill), luminance(text)].sort((a, b) => a - b);
                const contrast = (light + 0.05) / (dark + 0.05);
                assert.ok(contrast >= 4.5, `${mode}: text on ${name} has a contrast of ${contrast}`);
        }
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
        await send('Emulation.setScriptExecutionDisabled', { value: true });
        scripts = false;
        await open();
        assert.equal(await run("document.querySelector('foreignObject')"), null, 'the script ran after all');
        await checkFits('without script');
        assert.ok(await run("box(document.querySelector('.head .title')).w") > 20, 'no title without script');
        await shot('7-still');
}

session = undefined;
try {
        const { targetInfos } = await send('Target.getTargets');
        const { targetId } = targetInfos.find(t => t.type === 'page') ?? await send('Target.createTarget', { url: 'about:blank' });
        ({ sessionId: session } = await send('Target.attachToTarget', { targetId, flatten: true }));
        for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
                await send(domain + '.enable');
        for (const check of [checkWhole, checkZoom, checkSearch, checkHover, checkKeys, checkNarrow, checkDark, checkStill]) {
                await check();
                assert.deepEqual(problems, []);
                console.log('ok: ' + check.name);
        }
} catch (error) {
        console.error(error);
        process.exitCode = 1;
} finally {
        clearTimeout(watchdog);
        browser.kill();
        await new Promise(done => browser.on('exit', done));
}
