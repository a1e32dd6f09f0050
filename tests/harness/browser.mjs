// SPDX-License-Identifier: Apache-2.0
//
// browser.mjs: headless Chromium, spoken to over a pipe: no port, no packages. What goes wrong in the page, and any request
// to a network, is in problems.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const DEADLINE_MS = 60000;
const waiting = new Map(), events = [];
let browser, watchdog, serial = 0, rest = '', session, scripts = true;

export const problems = [];

function receive(data) {
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
                if (message.method === 'Network.requestWillBeSent' && !/^(file|data):/.test(message.params.request.url))
                        problems.push('network: ' + message.params.request.url);
        }
}

export async function start(chromium, profile) {
        browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe',
                '--no-first-run', '--disable-background-networking', '--user-data-dir=' + profile, 'about:blank'],
                { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
        watchdog = setTimeout(() => { console.error('no answer from the browser'); browser.kill('SIGKILL'); process.exit(1); },
                DEADLINE_MS);
        browser.stdio[4].setEncoding('utf8').on('data', receive);
        const { targetInfos } = await send('Target.getTargets');
        const { targetId } = targetInfos.find(t => t.type === 'page') ?? await send('Target.createTarget', { url: 'about:blank' });
        ({ sessionId: session } = await send('Target.attachToTarget', { targetId, flatten: true }));
        for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
                await send(domain + '.enable');
}

export async function end() {
        clearTimeout(watchdog);
        browser.kill();
        await new Promise(done => browser.on('exit', done));
}

export function send(method, params = {}) {
        const id = ++serial;
        browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId: session }) + '\0');
        return new Promise((resolve, reject) => waiting.set(id, message => {
                waiting.delete(id);
                message.error ? reject(new Error(method + ': ' + message.error.message)) : resolve(message.result);
        }));
}

export async function run(expression) {
        const { result, exceptionDetails } = await send('Runtime.evaluate',
                { expression, returnByValue: true, awaitPromise: true });
        if (exceptionDetails)
                throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
}

export async function size(width, height) {
        await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
        if (scripts)  // else no frame callback ever comes
                await run('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

// helpers: script that is run in the page once it is loaded.
export async function openFile(path, helpers, width = 1200, height = 800) {
        await size(width, height);
        events.length = 0;
        await send('Page.navigate', { url: pathToFileURL(path).href });
        while (!events.some(e => e.method === 'Page.loadEventFired'))
                await new Promise(done => setTimeout(done, 5));
        await run(helpers);
        await size(width, height);
}

export async function noScripts() {
        await send('Emulation.setScriptExecutionDisabled', { value: true });
        scripts = false;
}

// directory undefined: nobody wants to see it. whole: not only what is in the window.
export async function shoot(directory, name, whole = false) {
        if (!directory)
                return;
        const { data } = await send('Page.captureScreenshot', { captureBeyondViewport: whole });
        writeFileSync(`${directory}/${name}.png`, Buffer.from(data, 'base64'));
}

export async function mouse(type, x, y, extra = {}) {
        await send('Input.dispatchMouseEvent', { type, x, y, ...extra });
}

export async function click(x, y) {
        await mouse('mouseMoved', x, y);
        await mouse('mousePressed', x, y, { button: 'left', clickCount: 1 });
        await mouse('mouseReleased', x, y, { button: 'left', clickCount: 1 });
}

export async function press(key, { ctrl = false, text } = {}) {
        // Tab moves the focus only by its number.
        const common = { key, modifiers: ctrl ? 2 : 0, text, windowsVirtualKeyCode: key === 'Tab' ? 9 : undefined };
        await send('Input.dispatchKeyEvent', { type: 'keyDown', ...common });
        await send('Input.dispatchKeyEvent', { type: 'keyUp', key, modifiers: common.modifiers });
}

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

// As WCAG 2 has it: 4.5 for text.
export function contrast(a, b) {
        const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
        return (light + 0.05) / (dark + 0.05);
}

// {vision: distance in Lab} of two colours; about 15 is told apart without looking twice.
export function distances(a, b) {
        return Object.fromEntries(Object.entries(visions).map(([vision, matrix]) => {
                const [p, q] = [a, b].map(c => lab(multiply(matrix, linear(c))));
                return [vision, Math.hypot(...p.map((v, i) => v - q[i]))];
        }));
}

export const lightness = c => lab(linear(c))[0];
