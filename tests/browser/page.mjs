// Pages with a bell, and helpers that read their state.
import http from 'node:http';
import { after, before } from 'node:test';
import { Hub, freePort, launch, openPage, until } from './harness.mjs';

/** Environment of a hub that does not limit users or clients. */
export const UNLIMITED = {
  LONCENG_LIMITS__PER_USER_PER_MINUTE: '0',
  LONCENG_LIMITS__CLIENT_MESSAGES_PER_MINUTE: '0',
};

export const bell = (page) => page.locator('lonceng-bell');
export const items = (page) => bell(page).locator('.item');
export const status = (page) =>
  page.evaluate(() => document.querySelector('lonceng-bell')?.client?.status);
export const becomes = (page, wanted) =>
  until(`the status is ${wanted}`, async () => (await status(page)) === wanted);
export const banner = async (page) =>
  (await bell(page).locator('.banner').isVisible())
    ? bell(page).locator('.banner').textContent()
    : '';

export const badge = async (page) =>
  (await bell(page).locator('.badge').isVisible())
    ? bell(page).locator('.badge').textContent()
    : '0';
export const online = (page) =>
  until('the bell is online', () =>
    page.evaluate(() => document.querySelector('lonceng-bell')?.client?.status === 'online'),
  );

/** Serves a page with this content, and responses at other paths. */
export async function siteWith(port, body, answers = {}) {
  const site = http.createServer((request, answer) => {
    const path = request.url.split('?')[0];
    if (answers[path]) return answer.end(String(answers[path]()));
    answer.setHeader('content-type', 'text/html; charset=utf-8');
    return answer.end(`<!doctype html><html lang="en">
      <title>Site</title><link rel="icon" href="data:,">
      <meta name="viewport" content="width=device-width">
      <body style="margin:0"><main><h1>Site</h1>${body()}</main></body></html>`);
  });
  await new Promise((listening) => site.listen(port, '127.0.0.1', listening));
  return {
    base: `http://127.0.0.1:${port}`,
    async close() {
      site.closeAllConnections();
      await new Promise((closed) => site.close(closed));
    },
  };
}

/** Starts a hub and a browser for the tests of a file, and stops them. */
export function useDemo() {
  const fixture = {
    note: (user, title) => fixture.hub.publish({ type: 'NOTE_CREATED', user_id: user, title }),
    api: (path) => fetch(`${fixture.hub.base}${path}`).then((answer) => answer.json()),
    /** Opens the demo page as a user. */
    async open(user, options) {
      const page = await openPage(fixture.browser, fixture.hub, `/?user_id=${user}`, options);
      await online(page);
      return page;
    },
    /** Closes pages, which must not have reported errors. */
    async done(...pages) {
      for (const page of pages) {
        if (page.troubles.length) throw new Error(page.troubles.join('\n'));
        await page.context().close();
      }
    },
  };
  before(async () => {
    fixture.hub = await Hub.start({ env: UNLIMITED });
    fixture.browser = await launch();
  });
  after(async () => {
    await fixture.browser?.close();
    await fixture.hub?.stop();
  });
  return fixture;
}

/** Starts a hub, a browser and a site of another origin for the tests of a file, and stops them. */
export function useSite() {
  let body = '';
  const fixture = {
    /** Responses of the site, by path. */
    answers: {},
    /** Warnings in the console of the page that was opened last. */
    warnings: [],
    note: (user, title) => fixture.hub.publish({ type: 'NOTE_CREATED', user_id: user, title }),
    api: (path) => fetch(`${fixture.hub.base}${path}`).then((answer) => answer.json()),
    /** Opens a page with this content. */
    async open(html, options = {}, address = fixture.site.base) {
      body = html;
      fixture.warnings.length = 0;
      const context = await fixture.browser.newContext({
        viewport: { width: 1180, height: 820 },
        reducedMotion: 'reduce',
        ...options,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      page.on(
        'console',
        (message) => message.type() === 'warning' && fixture.warnings.push(message.text()),
      );
      await page.goto(address);
      return page;
    },
  };
  before(async () => {
    fixture.browser = await launch();
    const port = await freePort();
    fixture.hub = await Hub.start({
      env: { ...UNLIMITED, LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]` },
    });
    fixture.site = await siteWith(
      port,
      () => `${body}<script type="module" src="${fixture.hub.base}/lonceng.js"></script>`,
      fixture.answers,
    );
  });
  after(async () => {
    await fixture.browser?.close();
    await fixture.hub?.stop();
    await fixture.site?.close();
  });
  return fixture;
}
