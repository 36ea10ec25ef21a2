// The bell in pages of others: where it opens, what a click does, and what it says when something is wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Hub, freePort, launch, shot, until, violations } from './harness.mjs';

const SECRET = 'only-for-this-test-0123456789abcdef';
const DEV = {
  LONCENG_LIMITS__PER_USER_PER_MINUTE: '0',
  LONCENG_LIMITS__CLIENT_MESSAGES_PER_MINUTE: '0',
};

/** A token as a backend would sign it (RFC 7519), for so many seconds. */
function token(sub, seconds, role = 'user') {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, roles: [role], iat: now, exp: now + seconds })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

/** A site with one page of this content, and answers at other addresses. */
async function siteWith(port, body, answers = {}) {
  const site = http.createServer((request, answer) => {
    const path = request.url.split('?')[0];
    if (answers[path]) return answer.end(String(answers[path]()));
    answer.setHeader('content-type', 'text/html; charset=utf-8');
    return answer.end(`<!doctype html><html lang="en"><title>Site</title><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width">
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

const bell = (page) => page.locator('lonceng-bell');
const items = (page) => bell(page).locator('.item');
const status = (page) =>
  page.evaluate(() => document.querySelector('lonceng-bell')?.client?.status);
const becomes = (page, wanted) =>
  until(`it is ${wanted}`, async () => (await status(page)) === wanted);
const banner = async (page) =>
  (await bell(page).locator('.banner').isVisible())
    ? bell(page).locator('.banner').textContent()
    : '';

describe('the bell on other pages', () => {
  let hub;
  let browser;
  let site;
  let body = '';
  const answers = {};
  const warnings = [];
  before(async () => {
    browser = await launch();
    const port = await freePort();
    hub = await Hub.start({
      env: {
        ...DEV,
        LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]`,
      },
    });
    site = await siteWith(
      port,
      () => `${body}<script type="module" src="${hub.base}/lonceng.js"></script>`,
      answers,
    );
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.close();
  });

  const open = async (html, options = {}, address = site.base) => {
    body = html;
    warnings.length = 0;
    const context = await browser.newContext({
      viewport: { width: 1180, height: 820 },
      reducedMotion: 'reduce',
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()));
    await page.goto(address);
    return page;
  };
  const note = (user, title) => hub.publish({ type: 'NOTE_CREATED', user_id: user, title });
  const api = (path) => fetch(`${hub.base}${path}`).then((answer) => answer.json());

  /** The panel's edges, and those of what is visible. */
  const edges = (page) =>
    bell(page)
      .locator('.panel')
      .evaluate((panel) => {
        const { left, right, top, bottom } = panel.getBoundingClientRect();
        // What is on top at its corners and in its middle.
        const inset = 20;
        const points = [
          [left + inset, top + inset],
          [right - inset, bottom - inset],
          [(left + right) / 2, (top + bottom) / 2],
        ];
        const root = panel.getRootNode();
        const covered = points.filter(
          ([x, y]) => !panel.contains(root.elementFromPoint(x, y)),
        ).length;
        return {
          left,
          right,
          top,
          bottom,
          covered,
          width: document.documentElement.clientWidth,
          height: document.documentElement.clientHeight,
        };
      });

  const places = {
    'at the right edge with an icon beside it':
      '<header style="display:flex;justify-content:flex-end;overflow:hidden;height:48px"><lonceng-bell user-id="place"></lonceng-bell><span style="width:60px"></span></header>',
    'at the bottom of the page':
      '<footer style="position:fixed;bottom:0;left:50%;transform:translateX(-50%)"><lonceng-bell user-id="place"></lonceng-bell></footer>',
    'at the left edge':
      '<header style="overflow:hidden;contain:paint;height:48px"><lonceng-bell user-id="place"></lonceng-bell></header><div style="position:relative;z-index:99;background:#fff;height:900px"></div>',
  };
  for (const [where, html] of Object.entries(places)) {
    for (const [width, height] of [
      [1280, 800],
      [768, 700],
      [480, 640],
      [390, 780],
      [320, 568],
    ]) {
      test(`the whole panel is visible: ${where}, ${width} px`, async () => {
        await note('place', 'One');
        const page = await open(html, { viewport: { width, height } });
        await becomes(page, 'online');
        await bell(page).locator('.bell').click();
        await until('something is listed', async () => (await items(page).count()) > 0);
        const at = await edges(page);
        assert.ok(
          at.left >= 0 && at.top >= 0 && at.right <= at.width && at.bottom <= at.height,
          JSON.stringify(at),
        );
        assert.equal(at.covered, 0, `nothing of the page lies over it: ${JSON.stringify(at)}`);
        if (width < 480)
          assert.deepEqual([at.left, at.right, at.bottom], [0, at.width, at.height], 'a sheet');
        else assert.ok(at.bottom - at.top > 150, JSON.stringify(at));
        await page.context().close();
      });
    }
  }

  test('placement decides where the panel opens, as long as it fits', async () => {
    const page = await open(
      '<div style="position:absolute;left:500px;top:600px"><lonceng-bell user-id="place" placement="top-start"></lonceng-bell></div>',
    );
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    const button = await bell(page).locator('.bell').boundingBox();
    let at = await edges(page);
    assert.ok(at.bottom <= button.y && Math.abs(at.left - button.x) < 2, JSON.stringify(at));
    await page.evaluate(() =>
      document.querySelector('lonceng-bell').setAttribute('placement', 'auto'),
    );
    await page.keyboard.press('Escape');
    await bell(page).locator('.bell').click();
    at = await edges(page);
    assert.ok(at.bottom <= button.y, 'there is more room above');
    assert.ok(Math.abs(at.right - (button.x + button.width)) < 2, JSON.stringify(at));
    await page.context().close();
  });

  test('a click anywhere on a row marks it as read, reports the click and follows the link, unless the page cancels', async () => {
    // Titles without a link of their own are read and reported all the same.
    await hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'click' }],
      message: 'A long message to click on',
      action_url: '/elsewhere',
    });
    await note('click', 'No link');
    const page = await open('<lonceng-bell user-id="click"></lonceng-bell>');
    await becomes(page, 'online');
    await page.evaluate(() =>
      document.addEventListener('lonceng:action', (event) => {
        (window.actions ??= []).push(event.detail.action_url);
        if (window.mine) event.preventDefault();
      }),
    );
    await page.evaluate(() => (window.mine = true));
    await bell(page).locator('.bell').click();
    await until('both are listed', async () => (await items(page).count()) === 2);
    await items(page).first().locator('.text').click();
    await until(
      'it is read',
      async () => (await api('/api/v1/notifications/unread-count?user_id=click')).unread === 1,
    );
    const corner = await items(page).last().boundingBox();
    await page.mouse.click(corner.x + corner.width / 2, corner.y + corner.height - 4);
    await until(
      'the other too',
      async () => (await api('/api/v1/notifications/unread-count?user_id=click')).unread === 0,
    );
    assert.deepEqual(await page.evaluate(() => window.actions), [null, '/elsewhere']);
    assert.equal(new URL(page.url()).pathname, '/', 'the page kept itself');
    await page.evaluate(() => (window.mine = false));
    await items(page).last().click();
    await page.waitForURL('**/elsewhere');
    const { notifications } = await hub.api('GET', '/api/v1/admin/explain?user=click');
    assert.ok(
      notifications.every((item) => item.clicked_at),
      'the hub knows of both clicks',
    );
    await page.context().close();
  });

  test('a click that leaves the page is recorded', async () => {
    await hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'leave' }],
      message: 'Leave',
      action_url: '/elsewhere',
    });
    const page = await open('<lonceng-bell user-id="leave"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').focus();
    await page.keyboard.press('Enter');
    await until('it is listed', async () => (await items(page).count()) === 1);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/elsewhere');
    await until(
      'it is reported',
      async () =>
        (await hub.api('GET', '/api/v1/admin/explain?user=leave')).notifications[0].clicked_at,
    );
    await page.context().close();
  });

  test('a click anywhere on a toast marks it as read and follows the link', async () => {
    const page = await open('<lonceng-bell user-id="toast"></lonceng-bell>');
    await becomes(page, 'online');
    await note('toast', 'Read me');
    await bell(page).locator('.toast').locator('.text').click();
    await until(
      'it is read',
      async () => (await api('/api/v1/notifications/unread-count?user_id=toast')).unread === 0,
    );
    await until('it leaves', async () => (await bell(page).locator('.toast').count()) === 0);
    await hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'toast' }],
      message: 'Go',
      action_url: '/elsewhere',
    });
    const toast = await bell(page).locator('.toast').boundingBox();
    await page.mouse.click(toast.x + 12, toast.y + toast.height - 6);
    await page.waitForURL('**/elsewhere');
    await page.context().close();
  });

  test('at most three toasts are shown, and one line counts the rest and opens the panel', async () => {
    const page = await open('<lonceng-bell user-id="pile"></lonceng-bell>');
    await becomes(page, 'online');
    for (let n = 0; n < 4; n += 1)
      await hub.publish({
        type: 'REFUND_APPROVED',
        user_id: 'pile',
        refund_id: `r${n}`,
      });
    const rest = bell(page).locator('.toast.rest');
    await until(
      'one is counted',
      async () => (await rest.textContent().catch(() => '')) === '1 more notification',
    );
    for (let n = 4; n < 8; n += 1)
      await hub.publish({
        type: 'REFUND_APPROVED',
        user_id: 'pile',
        refund_id: `r${n}`,
      });
    await until(
      'five are counted',
      async () => (await rest.textContent()) === '5 more notifications',
    );
    assert.equal(await bell(page).locator('.toast:not(.rest)').count(), 3);
    assert.deepEqual(await violations(page), []);
    await shot(page, 'pile');
    await rest.click();
    await until('the panel is open', async () => (await items(page).count()) === 8);
    assert.equal(await bell(page).locator('.toast').count(), 0);
    await page.evaluate(() => document.querySelector('lonceng-bell').setAttribute('lang', 'id'));
    await page.keyboard.press('Escape');
    for (let n = 8; n < 12; n += 1)
      await hub.publish({
        type: 'REFUND_APPROVED',
        user_id: 'pile',
        refund_id: `r${n}`,
      });
    await until(
      'in Indonesian',
      async () => (await rest.textContent().catch(() => '')) === '1 notifikasi lagi',
    );
    await page.context().close();
  });

  test('an urgent toast replaces one that is not', async () => {
    const page = await open('<lonceng-bell user-id="urgent" max-toasts="2"></lonceng-bell>');
    await becomes(page, 'online');
    await note('urgent', 'First');
    await note('urgent', 'Second');
    await until('both are shown', async () => (await bell(page).locator('.toast').count()) === 2);
    await hub.publish({
      type: 'REFUND_APPROVED',
      user_id: 'urgent',
      refund_id: 'r',
    });
    await bell(page).locator('.toast.high').waitFor();
    assert.equal(await bell(page).locator('.toast:not(.rest)').count(), 2);
    assert.equal(await bell(page).locator('.toast.rest').textContent(), '1 more notification');
    await page.context().close();
  });

  test('muting shows the name of the type, not the title of the message', async () => {
    await hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'mute' }],
      title: 'Chat',
      message: 'Hello',
    });
    await hub.publish({
      type: 'REFUND_APPROVED',
      user_id: 'mute',
      refund_id: 'r',
    });
    const page = await open('<lonceng-bell user-id="mute"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await until('both are listed', async () => (await items(page).count()) === 2);
    const { types } = await api('/api/v1/preferences/types?user_id=mute');
    const name = types.find((type) => type.code === 'MESSAGE').name;
    await items(page)
      .filter({ hasText: 'Hello' })
      .getByRole('button', { name: /More about/ })
      .click();
    const entries = await bell(page).getByRole('menuitem').allTextContents();
    assert.ok(!entries.some((entry) => entry.includes('Chat')), entries.join());
    await bell(page)
      .getByRole('menuitem', { name: `Mute “${name}”` })
      .click();
    await until('the hub knows', async () =>
      (await api('/api/v1/preferences?user_id=mute')).muted_types.includes('MESSAGE'),
    );
    assert.equal(await bell(page).locator('.bar span').textContent(), `Muted “${name}”`);
    await page.context().close();
  });

  test('undo restores every unread notification', async () => {
    await hub.publish(
      Array.from({ length: 120 }, (_, n) => ({
        type: 'NOTE_CREATED',
        user_id: 'undo',
        title: `N${n}`,
      })),
    );
    const page = await open('<lonceng-bell user-id="undo"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    const unread = async () =>
      (await api('/api/v1/notifications/unread-count?user_id=undo')).unread;
    await bell(page).getByRole('button', { name: 'Mark all as read' }).click();
    await until('all are read', async () => (await unread()) === 0);
    await bell(page).getByRole('button', { name: 'Undo' }).click();
    await until('all are unread', async () => (await unread()) === 120);
    await page.context().close();
  });

  test('long messages are collapsed, and have their own text direction', async () => {
    await note('long', 'word '.repeat(60).trim());
    await hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'long' }],
      title: 'إشعار',
      message: 'قائمة التسوق',
    });
    const page = await open('<lonceng-bell user-id="long"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await until('both are listed', async () => (await items(page).count()) === 2);
    const text = items(page).last().locator('.text');
    const lines = () =>
      text.evaluate((one) =>
        Math.round(one.clientHeight / Number.parseFloat(getComputedStyle(one).lineHeight)),
      );
    assert.equal(await lines(), 3);
    await bell(page).getByRole('button', { name: 'Show all' }).click();
    assert.ok((await lines()) > 3);
    assert.equal(
      (await api('/api/v1/notifications/unread-count?user_id=long')).unread,
      2,
      'that was no click on the row',
    );
    assert.equal(
      await items(page)
        .first()
        .locator('.text')
        .evaluate((one) => getComputedStyle(one).direction),
      'rtl',
    );
    await page.context().close();
  });

  test('the panel closes when the keyboard focus leaves it', async () => {
    await note('tab', 'One');
    const page = await open(
      '<lonceng-bell user-id="tab"></lonceng-bell><button id="next">Next</button>',
    );
    await becomes(page, 'online');
    await bell(page).locator('.bell').focus();
    await page.keyboard.press('Enter');
    await until('it is listed', async () => (await items(page).count()) === 1);
    for (let n = 0; n < 20 && (await bell(page).locator('.panel').isVisible()); n += 1)
      await page.keyboard.press('Tab');
    assert.equal(await bell(page).locator('.panel').isVisible(), false);
    assert.equal(
      await page.evaluate(() => document.activeElement?.id),
      'next',
      'the focus is where it was going',
    );
    await page.context().close();
  });

  test('the selected tab stands out in forced colors', async () => {
    const page = await open('<lonceng-bell user-id="forced"></lonceng-bell>', {
      forcedColors: 'active',
    });
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    const looks = await bell(page)
      .locator('.tab')
      .evaluateAll((tabs) =>
        tabs.map((tab) => {
          const { backgroundColor, borderBottomColor } = getComputedStyle(tab);
          return `${backgroundColor} ${borderBottomColor}`;
        }),
      );
    assert.notEqual(looks[0], looks[1]);
    assert.equal(looks[1], looks[2]);
    await page.context().close();
  });

  test('without a connection one banner is shown, known notifications stay, and the list is not called empty', async () => {
    await note('away', 'Known');
    const page = await open('<lonceng-bell user-id="away"></lonceng-bell>');
    await page.evaluate(() =>
      document.addEventListener('lonceng:status', (event) =>
        (window.seen ??= []).push(event.detail.status),
      ),
    );
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    await hub.halt('SIGKILL');
    await until(
      'the banner says so',
      async () => (await banner(page)) === 'No connection. Trying again …',
    );
    await bell(page).getByRole('tab', { name: 'Archived' }).click();
    const panel = async () => await bell(page).locator('.panel').textContent();
    assert.doesNotMatch(await panel(), /caught up|Nothing|fetch|Error/);
    await shot(page, 'away');
    await bell(page).getByRole('tab', { name: 'All' }).click();
    assert.equal(await items(page).count(), 1);
    await hub.run();
    await becomes(page, 'online');
    await until('the banner is gone', async () => (await banner(page)) === '');
    await bell(page).getByRole('tab', { name: 'Archived' }).click();
    await until('now it is known', async () => /Nothing is archived/.test(await panel()));
    assert.ok((await page.evaluate(() => window.seen)).includes('offline'), 'the page is told');
    await page.context().close();
  });

  test('a bell without an identity warns the page and does not claim that everything is read', async () => {
    const page = await open('<lonceng-bell></lonceng-bell>');
    await page.evaluate(() =>
      document.addEventListener('lonceng:status', (event) => (window.seen = event.detail)),
    );
    await until('the console says so', async () =>
      warnings.some((warning) => warning.includes('getToken')),
    );
    assert.equal(await status(page), 'unauthorized');
    await bell(page).locator('.bell').click();
    assert.match(await banner(page), /not signed in/);
    assert.doesNotMatch(await bell(page).locator('.panel').textContent(), /caught up/);
    assert.deepEqual(await violations(page), []);
    await page.context().close();
  });

  test('a page of a refused origin is told, and the hub logs the key to set once', async () => {
    const port = await freePort();
    const foreign = await siteWith(
      port,
      () =>
        `<lonceng-bell user-id="foreign"></lonceng-bell><script type="module" src="${hub.base}/lonceng.js"></script>`,
    );
    for (let n = 0; n < 2; n += 1) {
      const page = await open('', {}, foreign.base);
      await becomes(page, 'forbidden');
      await until('the console says so', async () =>
        warnings.some(
          (warning) => warning.includes('allowed_origins') && warning.includes(foreign.base),
        ),
      );
      await bell(page).locator('.bell').click();
      assert.equal(await banner(page), 'Notifications are not allowed on this page.');
      assert.doesNotMatch(await bell(page).locator('.panel').textContent(), /caught up/);
      await page.context().close();
    }
    const lines = hub.log.split('\n').filter((line) => line.includes(foreign.base));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], /server\.allowed_origins/);
    await foreign.close();
  });
});

describe('the bell signs in', () => {
  let browser;
  let hub;
  let site;
  let life = 3_600;
  let given = 0;
  const redis = process.env.LONCENG_TEST_REDIS;
  before(async () => {
    browser = await launch();
    const port = await freePort();
    hub = await Hub.start({
      env: {
        ...DEV,
        LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]`,
        LONCENG_SERVER__HEARTBEAT_SECONDS: '1',
        LONCENG_AUTH__METHODS: redis ? '["jwt","cookie"]' : '["jwt"]',
        LONCENG_AUTH__JWT_SECRET: SECRET,
        LONCENG_REDIS__URL: redis ?? '',
      },
    });
    site = await siteWith(
      port,
      () => `<lonceng-bell></lonceng-bell><script type="module">
        import '${hub.base}/lonceng.js';
        window.statuses = [];
        document.addEventListener('lonceng:status', (event) => window.statuses.push(event.detail.status));
      </script>`,
      { '/token': () => ((given += 1), life ? token('ani', life) : '') },
    );
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.close();
  });
  const admin = (method, address, body) =>
    fetch(`${hub.base}${address}`, {
      method,
      headers: { authorization: `Bearer ${token('boss', 600, 'admin')}` },
      body: body && JSON.stringify(body),
    }).then((answer) => answer.json().catch(() => ({})));
  const open = async (more = async () => {}) => {
    given = 0;
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await more(context);
    await page.goto(site.base);
    await page.evaluate(() => customElements.whenDefined('lonceng-bell'));
    return page;
  };
  const useGetToken = (page) =>
    page.evaluate(() => {
      document.querySelector('lonceng-bell').getToken = async () => (await fetch('/token')).text();
    });

  test('getToken is called once to connect, before a token expires, and after a sign-out', async () => {
    life = 3_600;
    const page = await open();
    await useGetToken(page);
    await becomes(page, 'online');
    assert.equal(given, 1);
    const { connected_clients: clients } = await admin('GET', '/api/v1/admin/clients');
    await admin(
      'DELETE',
      `/api/v1/admin/clients/${clients.find((one) => one.user_id === 'ani').client_id}`,
    );
    await until('it is asked again', async () => given === 2);
    await becomes(page, 'online');
    await admin('POST', '/api/v1/events', {
      type: 'NOTE_CREATED',
      user_id: 'ani',
      title: 'After',
    });
    await until(
      'it goes on',
      async () => (await bell(page).locator('.badge').textContent()) === '1',
    );
    const statuses = await page.evaluate(() => window.statuses);
    assert.ok(
      !statuses.slice(statuses.indexOf('online')).includes('unauthorized'),
      statuses.join(),
    );
    await page.context().close();
  });

  test('a token is renewed before it expires, without a change of status', async () => {
    // Replaced at half of its life.
    life = 12;
    const page = await open();
    await useGetToken(page);
    await becomes(page, 'online');
    await until('it is replaced twice', async () => given >= 3, 30);
    assert.ok(given <= 4, `not in a tight loop: ${given}`);
    assert.equal(await status(page), 'online');
    const statuses = await page.evaluate(() => window.statuses);
    assert.deepEqual(statuses.slice(statuses.indexOf('online')), ['online']);
    await page.context().close();
  });

  test('without a token the bell reports it, retries, and recovers', async () => {
    life = 0;
    const page = await open();
    await useGetToken(page);
    await becomes(page, 'unauthorized');
    await bell(page).locator('.bell').click();
    await until('the banner says so', async () => /not signed in/.test(await banner(page)));
    assert.ok(given <= 2, `${given}`);
    life = 600;
    await becomes(page, 'online');
    assert.equal(await banner(page), '');
    await page.context().close();
  });

  test('an expired token is reported, and another one restores the connection', async () => {
    const page = await open();
    await page.evaluate(
      (expired) => document.querySelector('lonceng-bell').setAttribute('token', expired),
      token('ani', -600),
    );
    await becomes(page, 'unauthorized');
    await page.evaluate(
      (good) => document.querySelector('lonceng-bell').setAttribute('token', good),
      token('ani', 600),
    );
    await becomes(page, 'online');
    // A fresh one of the same person goes unnoticed.
    await page.evaluate(() => (window.client = document.querySelector('lonceng-bell').client));
    await page.evaluate(
      (good) => document.querySelector('lonceng-bell').setAttribute('token', good),
      token('ani', 900),
    );
    await becomes(page, 'online');
    assert.ok(
      await page.evaluate(() => document.querySelector('lonceng-bell').client === window.client),
    );
    await page.context().close();
  });

  test(
    'a cookie session signs in, its end signs out, and the next one signs in again',
    { skip: !redis && 'there is no Redis' },
    async () => {
      const session = `browser-test-${process.pid}`;
      const cli = (...command) => execFileSync('redis-cli', ['-u', redis, ...command]);
      const begin = () =>
        cli(
          'SET',
          `session:${session}`,
          JSON.stringify({ user_id: 'citra', login: 'citra', role: 'user' }),
          'EX',
          '600',
        );
      begin();
      const page = await open((context) =>
        context.addCookies([
          {
            name: 'session_id',
            value: session,
            domain: '127.0.0.1',
            path: '/',
          },
        ]),
      );
      await page.evaluate(() =>
        document.querySelector('lonceng-bell').setAttribute('auth', 'cookie'),
      );
      await becomes(page, 'online');
      await admin('POST', '/api/v1/events', {
        type: 'NOTE_CREATED',
        user_id: 'citra',
        title: 'Cookie',
      });
      await until(
        'it is counted',
        async () => (await bell(page).locator('.badge').textContent()) === '1',
      );
      await bell(page).locator('.bell').click();
      await until('it is listed', async () => (await items(page).count()) === 1);
      cli('DEL', `session:${session}`);
      await becomes(page, 'unauthorized');
      await until(
        'nothing of it is left on the screen',
        async () =>
          (await items(page).count()) === 0 && !(await bell(page).locator('.badge').isVisible()),
      );
      assert.match(await banner(page), /sign-in has ended/);
      begin();
      // Somebody looks at the page again.
      await until('it comes back', async () => {
        await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
        return (await status(page)) === 'online';
      });
      await until('and so does the list', async () => (await items(page).count()) === 1);
      cli('DEL', `session:${session}`);
      await page.context().close();
    },
  );
});
