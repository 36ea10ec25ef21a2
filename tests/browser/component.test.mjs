// The component by mouse and by keyboard: list, menu, settings, toasts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { shot, until, violations } from './harness.mjs';
import { badge, bell, items, useDemo } from './page.mjs';

/** Maximum compressed size of each module of the component, in bytes. */
const WEIGHT_MAX = { 'lonceng.js': 24 * 1024, 'lonceng-inbox.js': 18 * 1024 };

const client = (page, act) => page.evaluate(act);
const focused = (page) =>
  page.evaluate(
    () => document.querySelector('lonceng-bell').shadowRoot.activeElement?.className ?? '',
  );

describe('the component', () => {
  const fixture = useDemo();
  const { api, done, note, open } = fixture;

  test('the compressed sizes are within their limits', async (t) => {
    for (const [name, limit] of Object.entries(WEIGHT_MAX)) {
      const response = await fetch(`${fixture.hub.base}/${name}`);
      assert.equal(response.headers.get('access-control-allow-origin'), '*', name);
      const source = await response.text();
      const weight = gzipSync(source, { level: 9 }).length;
      t.diagnostic(`${name}: ${source.length} bytes, ${weight} compressed`);
      assert.ok(weight <= limit, `${name}: ${weight} bytes`);
    }
  });

  test('by mouse: tabs, menu, archive and undo, delete, mark all', async () => {
    for (const title of ['One', 'Two', 'Three']) await note('m1', title);
    const page = await open('m1');
    await bell(page).locator('.bell').click();
    await until('three are listed', async () => (await items(page).count()) === 3);
    assert.equal(await bell(page).locator('.day').first().textContent(), 'Today');

    // Archive with the menu, and undo.
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

    // Archive without undo: it is in the archive.
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
    // The menu by keyboard: Escape returns the focus and does not close the panel.
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
    // Tabs by arrow keys.
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
    await bell(page).getByRole('checkbox', { name: 'Note created: In the bell' }).check();
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
    await fetch(`${fixture.hub.base}/api/v1/preferences?user_id=q1`, {
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
    await fixture.hub.publish({ type: 'REFUND_APPROVED', user_id: 't1' });
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
    await fixture.hub.publish(
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
    // Each page adds notifications.
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
    await fixture.hub.publish(
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
    // The new row, and the row that had the heading of the day.
    assert.ok(
      (await page.evaluate(() => window.added)) <= 3,
      `${await page.evaluate(() => window.added)} rows were made`,
    );
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    t.diagnostic(`longest task: ${Math.round(await page.evaluate(() => window.longest))} ms`);
    await done(page);
  });
});
