// Fixtures of the browser tests: a hub as a process, a browser, and waiting for conditions.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = process.env.LONCENG_BIN ?? path.join(root, 'target/debug/lonceng');

export const screenshots = process.env.LONCENG_SCREENSHOTS;

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Takes a picture of a page, where somebody wants to look at them. */
export async function shot(page, name) {
  if (screenshots)
    await page.screenshot({
      path: path.join(screenshots, `${name}.png`),
      fullPage: true,
    });
}

/** Returns the violations that axe finds in a page. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'],
    }),
  );
  return found.violations.map(
    (violation) =>
      `${violation.id}: ${violation.nodes.map((node) => node.target.join(' ')).join(', ')}`,
  );
}

/** A port that is free, and stays so while a hub is restarted: below those that outgoing connections are given. */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const free = await new Promise((resolve) => {
      const server = net.createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Waits for a condition, at most `seconds`. */
export async function until(what, condition, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not in ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A hub with a store of its own. */
export class Hub {
  static async start({ url, config, env = {} } = {}) {
    const hub = new Hub();
    hub.folder = await mkdtemp(path.join(tmpdir(), 'lonceng-browser-'));
    hub.config =
      config === undefined ? path.join(root, 'config.toml') : path.join(hub.folder, 'config.toml');
    if (config !== undefined) await writeFile(hub.config, config);
    hub.port = await freePort();
    hub.base = `http://127.0.0.1:${hub.port}`;
    hub.env = {
      ...process.env,
      DATABASE_URL: '',
      LONCENG_SERVER__LISTEN: `127.0.0.1:${hub.port}`,
      LONCENG_STORE__URL: url ?? `sqlite://${hub.folder}/lonceng.db`,
      LONCENG_NATS__URL: '',
      ...env,
    };
    await hub.run();
    return hub;
  }

  async run() {
    this.log = '';
    this.process = spawn(binary, ['--config', this.config], {
      env: this.env,
      cwd: this.folder,
    });
    this.process.stderr.on('data', (data) => (this.log += data));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    await until(`the hub is ready\n${this.log}`, async () => {
      if (this.process.exitCode !== null) throw new Error(this.log);
      return fetch(`${this.base}/health/ready`).then(
        (response) => response.ok,
        () => false,
      );
    });
  }

  async halt(signal = 'SIGTERM') {
    this.process.kill(signal);
    await this.ended;
  }

  async stop() {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Calls it as the developer does; what it answers. */
  async api(method, address, body) {
    const response = await fetch(`${this.base}${address}`, {
      method,
      body: body && JSON.stringify(body),
    });
    return response.status === 204 ? null : response.json();
  }

  async publish(event) {
    const response = await fetch(`${this.base}/api/v1/events`, {
      method: 'POST',
      body: JSON.stringify(event),
    });
    if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
  }
}

function executable() {
  const known = [
    process.env.CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ];
  return known.find((file) => file && existsSync(file));
}

/** Starts a browser. Playwright turns the back/forward cache off, which `options` can undo. */
export function launch(options = {}) {
  return chromium.launch({
    ...options,
    executablePath: executable(),
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page that fails the test when it logs an error or asks somebody else for something. */
export async function openPage(browser, hub, address = '/', options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1180, height: 820 },
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.troubles = [];
  page.on('console', (message) => {
    if (message.type() === 'error') page.troubles.push(message.text());
  });
  page.on('pageerror', (error) => page.troubles.push(String(error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && url.host !== `127.0.0.1:${hub.port}`)
      page.troubles.push(`asks ${url}`);
  });
  await page.goto(hub.base + address);
  return page;
}
