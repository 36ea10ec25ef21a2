// The whole component, as people use it: by mouse, by keyboard alone, in several tabs, without a network.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Hub, freePort, launch, openPage, screenshots, until, violations } from './harness.mjs';

/** The most that the component may weigh, in bytes, compressed. */
const WEIGHT_MAX = 24 * 1024;

const bell = (page) => page.locator('lonceng-bell');
const badge = async (page) =>
  (await bell(page).locator('.badge').isVisible())
    ? bell(page).locator('.badge').textContent()
    : '0';
const items = (page) => bell(page).locator('.item');
const online = (page) =>
  until('it is online', () =>
    page.evaluate(() => document.querySelector('lonceng-bell')?.client?.status === 'online'),
  );
const client = (page, act) => page.evaluate(act);
const focused = (page) =>
  page.evaluate(
    () => document.querySelector('lonceng-bell').shadowRoot.activeElement?.className ?? '',
  );

async function shot(page, name) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png` });
}

describe('the component', () => {
  let hub;
  let browser;
  before(async () => {
    hub = await Hub.start({
      env: {
        LONCENG_LIMITS__PER_USER_PER_MINUTE: '0',
        LONCENG_LIMITS__CLIENT_MESSAGES_PER_MINUTE: '0',
      },
    });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
  });

  const note = (user, title) => hub.publish({ type: 'NOTE_CREATED', user_id: user, title });
  const api = (path) => fetch(`${hub.base}${path}`).then((answer) => answer.json());
  const open = async (user, options) => {
    const page = await openPage(browser, hub, `/?user_id=${user}`, options);
    await online(page);
    return page;
  };
  const done = async (...pages) => {
    for (const page of pages) {
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    }
  };

  test('the compressed size is within its limit', async (t) => {
    const source = await (await fetch(`${hub.base}/lonceng.js`)).text();
    const weight = gzipSync(source, { level: 9 }).length;
    t.diagnostic(`lonceng.js: ${source.length} bytes, ${weight} compressed`);
    assert.ok(weight <= WEIGHT_MAX, `${weight} bytes`);
  });

  test('by mouse: tabs, menu, archive and undo, delete, mark all', async () => {
    for (const title of ['One', 'Two', 'Three']) await note('m1', title);
    const page = await open('m1');
    await bell(page).locator('.bell').click();
    await until('three are listed', async () => (await items(page).count()) === 3);
    assert.equal(await bell(page).locator('.day').first().textContent(), 'Today');

    // Archive by the menu, and take it back.
    await items(page)
      .first()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name: 'Archive' }).click();
    await until('it leaves the list', async () => (await items(page).count()) === 2);
    await bell(page).getByRole('button', { name: 'Undo' }).click();
    await until(
      'it is back',
      async () => (await items(page).count()) === 3 && (await badge(page)) === '3',
    );

    // For good, and found in the archive.
    await items(page)
      .first()
      .getByRole('button', { name: /More about/ })
      .click();
    await shot(page, 'menu');
    await bell(page).getByRole('menuitem', { name: 'Archive' }).click();
    await bell(page).getByRole('tab', { name: 'Archived' }).click();
    await until('it is in the archive', async () => (await items(page).count()) === 1);
    await items(page)
      .first()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name: 'Move to the list' }).click();
    await until('the archive is empty', async () =>
      (await bell(page).locator('.empty').textContent()).includes('Nothing is archived'),
    );

    await bell(page).getByRole('tab', { name: 'Unread' }).click();
    await until('all are unread', async () => (await items(page).count()) === 3);
    await items(page).first().getByRole('button', { name: 'Mark as read' }).click();
    await until('it leaves the unread', async () => (await items(page).count()) === 2);
    await bell(page).getByRole('tab', { name: 'All' }).click();
    await items(page)
      .last()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name: 'Delete' }).click();
    await until('it is gone', async () => (await items(page).count()) === 2);
    await bell(page).getByRole('button', { name: 'Mark all as read' }).click();
    await until('nothing is unread', async () => (await badge(page)) === '0');
    await until(
      'the hub knows',
      async () => (await api('/api/v1/notifications/unread-count?user_id=m1')).unread === 0,
    );
    assert.equal((await api('/api/v1/notifications?user_id=m1')).items.length, 2);
    await done(page);
  });

  test('by keyboard alone', async () => {
    for (const title of ['One', 'Two', 'Three']) await note('k2', title);
    const page = await open('k2');
    await bell(page).locator('.bell').focus();
    await page.keyboard.press('Enter');
    await until('three are listed', async () => (await items(page).count()) === 3);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('PageDown');
    assert.match(await focused(page), /item/);
    await page.keyboard.press('Enter');
    await until('the second is read', async () => (await badge(page)) === '2');
    assert.match(await focused(page), /item/, 'focus stays on it');
    // The menu, by its keys; Escape gives the focus back and does not close the panel.
    await page.keyboard.press('Shift+F10');
    assert.match(await focused(page), /entry/);
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Escape');
    assert.match(await focused(page), /more/);
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await until('it is archived', async () => (await items(page).count()) === 2);
    // Tabs by arrows.
    await bell(page).getByRole('tab', { name: 'All' }).focus();
    await page.keyboard.press('ArrowLeft');
    await until('the archive shows it', async () => (await items(page).count()) === 1);
    await page.keyboard.press('Escape');
    assert.equal(await bell(page).locator('.panel').isVisible(), false);
    assert.match(await focused(page), /bell/);
    await done(page);
  });

  test('preferences: a type muted by the menu, quiet hours and retention by the form', async () => {
    await note('p1', 'One');
    const page = await open('p1', { permissions: ['notifications'] });
    await bell(page).locator('.bell').click();
    await items(page)
      .first()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name: /Mute/ }).click();
    await until('the hub knows', async () =>
      (await api('/api/v1/preferences?user_id=p1')).muted_types.includes('NOTE_CREATED'),
    );
    await bell(page).getByRole('button', { name: 'Settings' }).click();
    await bell(page).getByRole('checkbox', { name: 'Quiet hours' }).check();
    await bell(page).getByLabel('From').fill('21:30');
    await bell(page).getByLabel('Keep notifications for').selectOption('7');
    await bell(page).getByRole('checkbox', { name: 'Play a sound' }).check();
    await bell(page).getByRole('checkbox', { name: 'Note created' }).uncheck();
    assert.deepEqual(await violations(page), []);
    await shot(page, 'settings');
    await bell(page).getByRole('button', { name: 'Save' }).click();
    await until(
      'it is saved',
      async () => (await bell(page).locator('.bar').textContent()) === 'Saved',
    );
    const wanted = await api('/api/v1/preferences?user_id=p1');
    assert.deepEqual(
      [wanted.quiet_hours, wanted.retention_days, wanted.muted_types],
      [{ from: '21:30', to: '07:00' }, 7, []],
    );
    assert.ok(wanted.timezone);
    await done(page);
  });

  test('a notification in quiet hours makes no toast', async () => {
    const page = await open('q1');
    const body = JSON.stringify({
      quiet_hours: { from: '00:00', to: '23:59' },
      timezone: 'UTC',
    });
    await fetch(`${hub.base}/api/v1/preferences?user_id=q1`, {
      method: 'PUT',
      body,
    });
    await note('q1', 'Hush');
    await until('it is counted', async () => (await badge(page)) === '1');
    assert.equal(await bell(page).locator('.toast').count(), 0);
    await done(page);
  });

  test('urgent toasts stay, others disappear, and further ones are counted', async () => {
    const page = await open('t1');
    for (let n = 0; n < 6; n += 1) await note('t1', `Note ${n}`);
    await until('three and the rest', async () =>
      (
        await bell(page)
          .locator('.toast.rest')
          .textContent()
          .catch(() => '')
      ).includes('3 more'),
    );
    await hub.publish({ type: 'REFUND_APPROVED', user_id: 't1' });
    await bell(page).locator('.toast.high').waitFor();
    await shot(page, 'toasts');
    await until('the others go', async () => (await bell(page).locator('.toast').count()) === 1);
    assert.match(await bell(page).locator('.toast').textContent(), /approved/);
    await bell(page).locator('.toast.high').getByRole('button', { name: 'Dismiss' }).click();
    await until(
      'it is dismissed',
      async () => (await bell(page).locator('.toast.high').count()) === 0,
    );
    await done(page);
  });

  test('older notifications are loaded page by page', async () => {
    await hub.publish(
      Array.from({ length: 150 }, (_, n) => ({
        type: 'NOTE_CREATED',
        user_id: 'l1',
        title: `Note ${n}`,
      })),
    );
    const page = await open('l1');
    await bell(page).locator('.bell').click();
    await until('the first page', async () => (await items(page).count()) >= 100);
    const older = bell(page).getByRole('button', { name: 'Load older' });
    await older.waitFor();
    // Each page shows something that was not there.
    for (const count of [120, 150]) {
      await older.click();
      await until('the next page', async () => (await items(page).count()) === count);
    }
    await until('there are no more', async () => !(await older.isVisible()));
    await until('all of them', async () => (await items(page).count()) === 150);
    assert.equal(await items(page).last().getAttribute('aria-posinset'), '150');
    await done(page);
  });

  test('a new notification among a thousand renders one row', async (t) => {
    await hub.publish(
      Array.from({ length: 1000 }, (_, n) => ({
        type: 'NOTE_CREATED',
        user_id: 'big',
        title: `Note ${n}`,
      })),
    );
    const page = await open('big');
    await client(page, async () => {
      const { client } = document.querySelector('lonceng-bell');
      let cursor = null;
      do cursor = await client.loadOlder(cursor);
      while (cursor);
    });
    await bell(page).locator('.bell').click();
    await until('all are listed', async () => (await items(page).count()) === 1000);
    await page.evaluate(() => {
      window.added = 0;
      window.longest = 0;
      new PerformanceObserver((list) =>
        list
          .getEntries()
          .forEach((entry) => (window.longest = Math.max(window.longest, entry.duration))),
      ).observe({ type: 'longtask' });
      new MutationObserver((changes) =>
        changes.forEach((change) => (window.added += change.addedNodes.length)),
      ).observe(document.querySelector('lonceng-bell').shadowRoot.querySelector('.list'), {
        childList: true,
      });
    });
    await note('big', 'One more');
    await until('it is listed', async () => (await items(page).count()) === 1001);
    // The new one, and the one that had the heading of the day.
    assert.ok(
      (await page.evaluate(() => window.added)) <= 3,
      `${await page.evaluate(() => window.added)} rows were made`,
    );
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    t.diagnostic(`longest task: ${Math.round(await page.evaluate(() => window.longest))} ms`);
    await done(page);
  });

  test('ten tabs hold one connection, and hand it over', async () => {
    const context = await browser.newContext();
    const pages = [];
    for (let n = 0; n < 10; n += 1) {
      const page = await context.newPage();
      await page.goto(`${hub.base}/?user_id=tabs`);
      pages.push(page);
    }
    for (const page of pages) await online(page);
    const connections = async () =>
      (await api('/api/v1/admin/clients')).connected_clients.filter((one) => one.user_id === 'tabs')
        .length;
    assert.equal(await connections(), 1);
    await note('tabs', 'For all');
    for (const page of pages)
      await until('every tab has it', async () => (await badge(page)) === '1');
    // Said aloud once.
    const said = async () => {
      const texts = await Promise.all(
        pages.map((page) => bell(page).locator('[role=status]').textContent()),
      );
      return texts.filter((text) => text.includes('For all')).length;
    };
    await until('one tab says it', async () => (await said()) === 1);
    // A mark in a tab that does not lead.
    const leads = await Promise.all(
      pages.map((page) => client(page, () => document.querySelector('lonceng-bell').client.leads)),
    );
    assert.equal(leads.filter(Boolean).length, 1);
    const follower = pages[leads.indexOf(false)];
    await client(follower, () => {
      const { client } = document.querySelector('lonceng-bell');
      client.markRead(client.items[0].notification_id);
    });
    for (const page of pages)
      await until('every tab follows', async () => (await badge(page)) === '0');
    await until(
      'the hub knows',
      async () => (await api('/api/v1/notifications/unread-count?user_id=tabs')).unread === 0,
    );
    // The tab that leads closes: another one takes over and nothing is missed.
    await pages[leads.indexOf(true)].close();
    const left = pages.filter((_, n) => !leads[n]);
    await note('tabs', 'Meanwhile');
    for (const page of left)
      await until('every tab has it', async () => (await badge(page)) === '1');
    await until('there is one connection', async () => (await connections()) === 1);
    // A tab that comes later gets what the others have.
    const late = await context.newPage();
    await late.goto(`${hub.base}/?user_id=tabs`);
    await until('it has it too', async () => (await badge(late)) === '1');
    assert.equal(await connections(), 1);
    await context.close();
  });

  test('after an offline period pending marks are sent and missed notifications arrive', async () => {
    await note('off', 'One');
    await note('off', 'Two');
    const page = await open('off');
    await bell(page).locator('.bell').click();
    await until('two are listed', async () => (await items(page).count()) === 2);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Network.enable');
    await hub.halt('SIGKILL');
    await bell(page).locator('.banner').waitFor();
    await shot(page, 'offline');
    await items(page).first().getByRole('button', { name: 'Mark as read' }).click();
    await items(page)
      .last()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name: 'Archive' }).click();
    await until('it shows', async () => (await badge(page)) === '0');
    await hub.run();
    await note('off', 'Three');
    await online(page);
    await until('it catches up', async () => (await badge(page)) === '1');
    await until('the hub has both marks', async () => {
      const list = await api('/api/v1/notifications?user_id=off');
      return list.unread === 1 && list.items.some((item) => item.status === 'archived');
    });
    page.troubles = page.troubles.filter(
      (trouble) => !trouble.includes('ERR_CONNECTION_REFUSED') && !trouble.includes('WebSocket'),
    );
    await done(page);
  });

  test('without a WebSocket it polls every half minute', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    await page.addInitScript(() => {
      // A proxy that lets no WebSocket through.
      window.WebSocket = class extends EventTarget {
        constructor() {
          super();
          setTimeout(() => this.onclose?.({ code: 1006 }), 5);
        }
        close() {}
      };
    });
    await page.goto(`${hub.base}/?user_id=poll`);
    await note('poll', 'By asking');
    for (let n = 0; n < 10 && (await badge(page)) !== '1'; n += 1) {
      await page.clock.runFor(10_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(await badge(page), '1');
    await context.close();
  });

  test("on another site, under a strict Content-Security-Policy, right to left, with the page's own words", async () => {
    const port = await freePort();
    const site = http.createServer((_, answer) => {
      answer.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; script-src ${strict.base}; img-src data:; connect-src ${strict.base} ws://127.0.0.1:${strict.port}`,
      });
      answer.end(`<!doctype html><html lang="ar" dir="rtl"><title>Strict</title><link rel="icon" href="data:,"><body><main><h1>Strict</h1>
        <lonceng-bell user-id="csp" badge="unseen"></lonceng-bell>
        <script type="module" src="${strict.base}/lonceng.js"></script></main></body></html>`);
    });
    await new Promise((listening) => site.listen(port, '127.0.0.1', listening));
    const strict = await Hub.start({
      env: { LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]` },
    });
    await strict.publish({
      type: 'NOTE_CREATED',
      user_id: 'csp',
      title: 'Strict',
    });
    const context = await browser.newContext();
    const page = await context.newPage();
    const troubles = [];
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(String(error)));
    await page.goto(`http://127.0.0.1:${port}/`);
    await online(page);
    await page.evaluate(
      () =>
        (document.querySelector('lonceng-bell').dictionary = {
          title: 'إشعارات',
          all: 'الكل',
        }),
    );
    await until('it is counted', async () => (await badge(page)) === '1');
    await bell(page).locator('.bell').click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    assert.equal(await bell(page).locator('.heading').textContent(), 'إشعارات');
    // Seen, not read: that badge goes, the other count stays.
    await until('it is seen', async () => (await badge(page)) === '0');
    await until('the hub knows', async () => {
      const counts = await (
        await fetch(`${strict.base}/api/v1/notifications/unread-count?user_id=csp`)
      ).json();
      return counts.unread === 1 && counts.unseen === 0;
    });
    // The bell is at the right edge here, so the panel hangs to the left of it, whole.
    const [panel, its] = await bell(page)
      .locator('.panel')
      .evaluate((panel) =>
        [panel, panel.getRootNode().querySelector('.bell')].map((one) => ({
          left: one.getBoundingClientRect().left,
          right: one.getBoundingClientRect().right,
        })),
      );
    assert.ok(
      panel.left > 0 && Math.abs(panel.right - its.right) < 2,
      JSON.stringify([panel, its]),
    );
    await shot(page, 'rtl');
    assert.deepEqual(troubles, []);
    await context.close();
    await strict.stop();
    site.closeAllConnections();
    await new Promise((closed) => site.close(closed));
  });

  for (const colorScheme of ['light', 'dark']) {
    for (const language of ['en', 'id']) {
      test(`axe finds nothing: ${colorScheme}, ${language}`, async () => {
        const user = `axe-${colorScheme}-${language}`;
        await hub.publish({
          type: 'REFUND_REQUESTED',
          user_id: user,
          refund_id: 'r',
          amount: 5,
        });
        await hub.publish({ type: 'REFUND_APPROVED', user_id: user });
        await note(user, 'Shopping');
        const page = await open(user, { colorScheme });
        await page.evaluate(
          (lang) => document.querySelector('lonceng-bell').setAttribute('lang', lang),
          language,
        );
        await note(user, 'Live');
        await bell(page).locator('.toast').first().waitFor();
        assert.deepEqual(await violations(page), [], 'toasts');
        await bell(page).locator('.bell').click();
        await until('three are listed', async () => (await items(page).count()) === 3);
        assert.deepEqual(await violations(page), [], 'list');
        await shot(page, `panel-${colorScheme}-${language}`);
        await items(page).first().locator('.more').click();
        assert.deepEqual(await violations(page), [], 'menu');
        await page.keyboard.press('Escape');
        await bell(page).getByRole('tab').last().click();
        await bell(page).locator('.empty').waitFor();
        assert.deepEqual(await violations(page), [], 'empty archive');
        await bell(page).locator('.gear').click();
        await bell(page).locator('.save').waitFor();
        assert.deepEqual(await violations(page), [], 'settings');
        await done(page);
      });
    }
  }

  test('forced colors keep the controls visible', async () => {
    await note('forced', 'One');
    const page = await open('forced', { forcedColors: 'active' });
    await bell(page).locator('.bell').click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    const border = await bell(page)
      .locator('.panel')
      .evaluate((panel) => getComputedStyle(panel).borderTopWidth);
    assert.equal(border, '1px');
    await shot(page, 'forced-colors');
    await done(page);
  });

  test('the API documentation shows both documents and is accessible', async () => {
    const page = await openPage(browser, hub, '/docs');
    await page.getByText('POST /api/v1/notify').first().waitFor();
    await page.getByRole('heading', { name: 'notification.push' }).waitFor();
    assert.deepEqual(await violations(page), []);
    await shot(page, 'docs');
    await done(page);
  });
});
