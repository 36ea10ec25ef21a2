// The bell on pages of other sites: clicks, toasts, and what it shows when something is wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freePort, shot, until, violations } from './harness.mjs';
import { banner, becomes, bell, items, siteWith, status, useSite } from './page.mjs';

describe('the bell on other pages', () => {
  const fixture = useSite();
  const { api, note, open } = fixture;

  test('a click on a row reads it and follows the link, unless the page cancels', async () => {
    // Rows without a link are marked and reported too.
    await fixture.hub.api('POST', '/api/v1/notify', {
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
    const { notifications } = await fixture.hub.api('GET', '/api/v1/admin/explain?user=click');
    assert.ok(
      notifications.every((item) => item.clicked_at),
      'the hub knows of both clicks',
    );
    await page.context().close();
  });

  test('a click that leaves the page is recorded', async () => {
    await fixture.hub.api('POST', '/api/v1/notify', {
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
        (await fixture.hub.api('GET', '/api/v1/admin/explain?user=leave')).notifications[0]
          .clicked_at,
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
    await fixture.hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'toast' }],
      message: 'Go',
      action_url: '/elsewhere',
    });
    const toast = await bell(page).locator('.toast').boundingBox();
    await page.mouse.click(toast.x + 12, toast.y + toast.height - 6);
    await page.waitForURL('**/elsewhere');
    await page.context().close();
  });

  test('at most three toasts are shown, and one line counts the rest', async () => {
    const page = await open('<lonceng-bell user-id="pile"></lonceng-bell>');
    await becomes(page, 'online');
    for (let n = 0; n < 4; n += 1)
      await fixture.hub.publish({
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
      await fixture.hub.publish({
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
      await fixture.hub.publish({
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
    await fixture.hub.publish({
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
    await fixture.hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'mute' }],
      title: 'Chat',
      message: 'Hello',
    });
    await fixture.hub.publish({
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
    const more = items(page)
      .filter({ hasText: 'Hello' })
      .getByRole('button', { name: /More about/ });
    const mute = bell(page).getByRole('menuitem', { name: `Mute “${name}”` });
    // The names of the types are loaded when the panel opens; a menu from before has no entry.
    await until('the menu has the entry', async () => {
      await more.click();
      if ((await mute.count()) === 1) return true;
      await page.keyboard.press('Escape');
      return false;
    });
    const entries = await bell(page).getByRole('menuitem').allTextContents();
    assert.ok(!entries.some((entry) => entry.includes('Chat')), entries.join());
    await mute.click();
    await until('the hub knows', async () =>
      (await api('/api/v1/preferences?user_id=mute')).muted_types.includes('MESSAGE'),
    );
    assert.equal(await bell(page).locator('.bar span').textContent(), `Muted “${name}”`);
    await page.context().close();
  });

  test('undo restores every unread notification', async () => {
    await fixture.hub.publish(
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
    await fixture.hub.api('POST', '/api/v1/notify', {
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

  test('without a connection one banner is shown, and the list is not called empty', async () => {
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
    await fixture.hub.halt('SIGKILL');
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
    await fixture.hub.run();
    await becomes(page, 'online');
    await until('the banner is gone', async () => (await banner(page)) === '');
    await bell(page).getByRole('tab', { name: 'Archived' }).click();
    await until('now it is known', async () => /Nothing is archived/.test(await panel()));
    assert.ok((await page.evaluate(() => window.seen)).includes('offline'), 'the page is told');
    await page.context().close();
  });

  test('a bell without an identity warns the page and shows no empty list', async () => {
    const page = await open('<lonceng-bell></lonceng-bell>');
    await page.evaluate(() =>
      document.addEventListener('lonceng:status', (event) => (window.seen = event.detail)),
    );
    await until('the console says so', async () =>
      fixture.warnings.some((warning) => warning.includes('getToken')),
    );
    assert.equal(await status(page), 'unauthorized');
    await bell(page).locator('.bell').click();
    await until('the panel says so', async () => /not signed in/.test(await banner(page)));
    assert.doesNotMatch(await bell(page).locator('.panel').textContent(), /caught up/);
    assert.deepEqual(await violations(page), []);
    await page.context().close();
  });

  test('a page of a refused origin is told, and the hub logs the key to set once', async () => {
    const port = await freePort();
    const foreign = await siteWith(
      port,
      () =>
        `<lonceng-bell user-id="foreign"></lonceng-bell>
          <script type="module" src="${fixture.hub.base}/lonceng.js"></script>`,
    );
    for (let n = 0; n < 2; n += 1) {
      const page = await open('', {}, foreign.base);
      await becomes(page, 'forbidden');
      await until('the console says so', async () =>
        fixture.warnings.some(
          (warning) => warning.includes('allowed_origins') && warning.includes(foreign.base),
        ),
      );
      await bell(page).locator('.bell').click();
      // The list is loaded when the panel opens.
      const text = 'Notifications are not allowed on this page.';
      await until('the panel says so', async () => (await banner(page)) === text);
      assert.doesNotMatch(await bell(page).locator('.panel').textContent(), /caught up/);
      await page.context().close();
    }
    const lines = fixture.hub.log.split('\n').filter((line) => line.includes(foreign.base));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], /server\.allowed_origins/);
    await foreign.close();
  });
});
