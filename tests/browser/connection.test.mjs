// The connection of the component: several tabs, offline, polling.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, shot, until } from './harness.mjs';
import { badge, bell, items, online, useDemo } from './page.mjs';

const client = (page, act) => page.evaluate(act);

describe('the connection', () => {
  const fixture = useDemo();
  const { api, done, note, open } = fixture;

  test('ten tabs hold one connection, and hand it over', async () => {
    const context = await fixture.browser.newContext();
    const pages = [];
    for (let n = 0; n < 10; n += 1) {
      const page = await context.newPage();
      await page.goto(`${fixture.hub.base}/?user_id=tabs`);
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
    // One tab announces it to screen readers.
    const said = async () => {
      const texts = await Promise.all(
        pages.map((page) => bell(page).locator('[role=status]').textContent()),
      );
      return texts.filter((text) => text.includes('For all')).length;
    };
    await until('one tab says it', async () => (await said()) === 1);
    // Mark in a tab without the connection.
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
    // The tab with the connection closes: another one takes over and misses nothing.
    await pages[leads.indexOf(true)].close();
    const left = pages.filter((_, n) => !leads[n]);
    await note('tabs', 'Meanwhile');
    for (const page of left)
      await until('every tab has it', async () => (await badge(page)) === '1');
    await until('there is one connection', async () => (await connections()) === 1);
    // A tab that is opened later has the same notifications.
    const late = await context.newPage();
    await late.goto(`${fixture.hub.base}/?user_id=tabs`);
    await until('it has it too', async () => (await badge(late)) === '1');
    assert.equal(await connections(), 1);
    await context.close();
  });

  test('after an offline period marks are sent and missed notifications arrive', async () => {
    await note('off', 'One');
    await note('off', 'Two');
    const page = await open('off');
    await bell(page).locator('.bell').click();
    await until('two are listed', async () => (await items(page).count()) === 2);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Network.enable');
    await fixture.hub.halt('SIGKILL');
    await bell(page).locator('.banner').waitFor();
    await shot(page, 'offline');
    await items(page).first().getByRole('button', { name: 'Mark as read' }).click();
    await items(page)
      .last()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name: 'Archive' }).click();
    await until('it shows', async () => (await badge(page)) === '0');
    await fixture.hub.run();
    await note('off', 'Three');
    await online(page);
    await until('it catches up', async () => (await badge(page)) === '1');
    await until('the hub has both marks', async () => {
      const list = await api('/api/v1/notifications?user_id=off');
      return list.unread === 1 && list.items.some((item) => item.status === 'archived');
    });
    // Requests to a hub that is gone are refused, or reset if they used an open connection.
    page.troubles = page.troubles.filter((trouble) => !/net::ERR_|WebSocket/.test(trouble));
    await done(page);
  });

  test('without a WebSocket it polls every half minute', async () => {
    const context = await fixture.browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    await page.addInitScript(() => {
      // As behind a proxy that refuses WebSockets.
      window.WebSocket = class extends EventTarget {
        constructor() {
          super();
          setTimeout(() => this.onclose?.({ code: 1006 }), 5);
        }
        close() {}
      };
    });
    await page.goto(`${fixture.hub.base}/?user_id=poll`);
    await note('poll', 'By asking');
    for (let n = 0; n < 10 && (await badge(page)) !== '1'; n += 1) {
      await page.clock.runFor(10_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(await badge(page), '1');
    await context.close();
  });
});

describe('the back/forward cache', () => {
  const fixture = useDemo();
  const { api, note } = fixture;
  let browser;
  before(async () => {
    browser = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  });
  after(() => browser?.close());

  const connections = async (user) =>
    (await api('/api/v1/admin/clients')).connected_clients.filter((one) => one.user_id === user)
      .length;
  /** Opens a page with a bell, and goes to another page in the same tab. */
  const leaveFor = async (page, address) => {
    await page.evaluate(() => (window.isSamePage = true));
    await page.goto(fixture.hub.base + address);
  };
  /** Goes back to a page that was frozen, and not loaded again. */
  const returns = async (page) => {
    await page.evaluate(() => history.back());
    await until('it is the same page', () =>
      page.evaluate(() => window.isSamePage === true).catch(() => false),
    );
  };

  test('a page that is left is not connected, and is whole again when it is back', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${fixture.hub.base}/?user_id=leaver`);
    await online(page);
    assert.equal(await connections('leaver'), 1);
    await leaveFor(page, '/health/live');
    await until('the hub knows', async () => (await connections('leaver')) === 0);
    await note('leaver', 'While away');
    await returns(page);
    await online(page);
    await until('it catches up', async () => (await badge(page)) === '1');
    assert.equal(await connections('leaver'), 1);
    await note('leaver', 'After it');
    await until('it is live', async () => (await badge(page)) === '2');
    await page.context().close();
  });

  test('another tab takes the connection over, and keeps it', async () => {
    const context = await browser.newContext();
    const [first, second] = [await context.newPage(), await context.newPage()];
    for (const page of [first, second]) {
      await page.goto(`${fixture.hub.base}/?user_id=handover`);
      await online(page);
    }
    const leads = (page) => client(page, () => document.querySelector('lonceng-bell').client.leads);
    assert.equal(await leads(first), true);
    await leaveFor(first, '/health/live');
    await until('the other leads', () => leads(second));
    await online(second);
    await note('handover', 'To the other');
    await until('it has it', async () => (await badge(second)) === '1');
    await returns(first);
    await online(first);
    await until('the first has it too', async () => (await badge(first)) === '1');
    assert.deepEqual([await leads(first), await leads(second)], [false, true]);
    assert.equal(await connections('handover'), 1);
    await context.close();
  });

  test('a live feed ends with the visit, and goes on', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${fixture.hub.base}/demo/seats.html`);
    const watched = async () => page.locator('lonceng-feed[status="online"]').count();
    await until('everybody watches', async () => (await watched()) === 6);
    const open = async () => (await api('/api/v1/admin/stats')).totals.connections;
    assert.equal(await open(), 7);
    await leaveFor(page, '/health/live');
    await until('nobody watches', async () => (await open()) === 0);
    await returns(page);
    await until('everybody watches again', async () => (await watched()) === 6);
    await page.context().close();
  });
});
