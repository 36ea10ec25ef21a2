// The list by mouse, by keyboard and by touch: keys, search, threads and scrolling.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shot, until } from './harness.mjs';
import { badge, becomes, bell, items, useSite } from './page.mjs';

/** Maximum time of a frame while a list of a thousand is scrolled, in milliseconds. */
const FRAME_MAX = 100;

describe('the list', () => {
  const fixture = useSite();
  const { api, note, open } = fixture;
  const notes = (user, count) =>
    fixture.hub.publish(
      Array.from({ length: count }, (_, n) => ({
        type: 'NOTE_CREATED',
        user_id: user,
        title: `Note ${n}`,
      })),
    );
  const focusedText = (page) =>
    page.evaluate(
      () => document.querySelector('lonceng-bell').shadowRoot.activeElement?.textContent ?? '',
    );

  test('by keyboard: move, read, archive, snooze, search, and the list of the keys', async () => {
    for (const title of ['One', 'Two', 'Three']) await note('keys', title);
    const page = await open('<lonceng-bell user-id="keys"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').focus();
    await page.keyboard.press('Enter');
    await until('three are listed', async () => (await items(page).count()) === 3);
    await page.keyboard.press('j');
    await page.keyboard.press('J');
    assert.match(await focusedText(page), /Two/);
    await page.keyboard.press('k');
    assert.match(await focusedText(page), /Three/);
    await page.keyboard.press('u');
    await until('it is read', async () => (await badge(page)) === '2');
    await page.keyboard.press('U');
    await until('it is unread', async () => (await badge(page)) === '3');
    await page.keyboard.press('e');
    await until('it leaves the list', async () => (await items(page).count()) === 2);
    assert.match(await focusedText(page), /Two/, 'the focus is on the next row');
    await page.keyboard.press('h');
    const entries = await bell(page).getByRole('menuitem').allTextContents();
    assert.equal(entries.length, 3);
    assert.ok(
      entries.every((entry) => /Snooze/.test(entry)),
      entries.join(),
    );
    await page.keyboard.press('Enter');
    await until('it is snoozed', async () => (await items(page).count()) === 1);
    // A key with a modifier belongs to the browser.
    await page.keyboard.press('Control+e');
    assert.equal(await items(page).count(), 1);
    await page.keyboard.press('?');
    const help = bell(page).getByRole('region', { name: 'Keyboard shortcuts' });
    await help.waitFor();
    await shot(page, 'keys');
    await page.keyboard.press('Escape');
    assert.equal(await help.isVisible(), false);
    assert.equal(await bell(page).locator('.panel').isVisible(), true);
    await bell(page).getByRole('tab', { name: 'Snoozed' }).click();
    await until('it is there', async () => /until/.test((await items(page).allTextContents())[0]));
    await items(page).first().focus();
    await page.keyboard.press('u');
    await until('the snooze has ended', async () => (await items(page).count()) === 0);
    await until('the hub knows', async () => {
      const all = (await api('/api/v1/notifications?user_id=keys&status=all')).items;
      return all.map(({ status }) => status).join() === 'archived,unread,unread';
    });
    await page.context().close();
  });

  test('the search finds old notifications, and leaves no gap in the list', async () => {
    await note('seek', 'Needle');
    await notes('seek', 150);
    const page = await open('<lonceng-bell user-id="seek"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await until('the first page', async () => (await items(page).count()) >= 100);
    const listed = await items(page).count();
    await bell(page).getByRole('button', { name: 'Search' }).click();
    await page.keyboard.type('nEEdle');
    await until('it is found', async () => (await items(page).count()) === 1);
    assert.match(await items(page).first().textContent(), /Needle/);
    await shot(page, 'search');
    await items(page).first().getByRole('button', { name: 'Mark as read' }).click();
    await until(
      'the hub knows',
      async () => (await api('/api/v1/notifications/unread-count?user_id=seek')).unread === 150,
    );
    await bell(page).getByRole('button', { name: 'Clear the search' }).click();
    await until('everything is listed', async () => (await items(page).count()) === listed);
    await page.keyboard.type('haystack');
    await until('nothing is found', async () =>
      /Nothing found for “haystack”/.test((await bell(page).locator('.body').textContent()) ?? ''),
    );
    await page.keyboard.press('Escape');
    await until('the list is back', async () => (await items(page).count()) === listed);
    await page.context().close();
  });

  test('notifications about one refund are a thread, which is expanded by touch', async () => {
    const html = '<lonceng-bell user-id="boss" user-role="admin"></lonceng-bell>';
    const page = await open(html, {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 390, height: 780 },
    });
    await becomes(page, 'online');
    const request = (id, n) =>
      fixture.hub.publish({
        type: 'REFUND_REQUESTED',
        user_id: 'someone',
        refund_id: id,
        amount: n,
      });
    for (const n of [1, 2, 3]) await request('r1', n);
    await request('r2', 4);
    await until('all are counted', async () => (await badge(page)) === '4');
    await bell(page).locator('.bell').tap();
    await until('the thread is collapsed', async () => (await items(page).count()) === 2);
    const more = bell(page).getByRole('button', { name: /2 more about this · 2 unread/ });
    await more.tap();
    await until('it is expanded', async () => (await items(page).count()) === 4);
    await shot(page, 'thread');
    await bell(page).getByRole('button', { name: 'Show fewer' }).tap();
    await until('it is collapsed', async () => (await items(page).count()) === 2);
    // The menu and a mark by touch.
    await items(page).first().locator('.more').tap();
    await bell(page).getByRole('menuitem', { name: 'Archive' }).tap();
    await until('it is archived', async () => (await badge(page)) === '3');
    const size = await bell(page).locator('.more').first().boundingBox();
    assert.ok(size.height >= 24 && size.width >= 24, JSON.stringify(size));
    await page.context().close();
  });

  test('a thousand are loaded by scrolling, without a stutter', async (t) => {
    await notes('thousand', 1000);
    const page = await open('<lonceng-bell user-id="thousand"></lonceng-bell>');
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await until('the first page', async () => (await items(page).count()) >= 100);
    const first = await items(page).count();
    const box = await bell(page).locator('.body').boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await until('the next page comes by itself', async () => {
      await page.mouse.wheel(0, 3_000);
      return (await items(page).count()) > first;
    });
    await until(
      'all are listed',
      async () => {
        await page.mouse.wheel(0, 10_000);
        return (await items(page).count()) === 1000;
      },
      60,
    );
    const frames = await page.evaluate(async () => {
      const body = document.querySelector('lonceng-bell').shadowRoot.querySelector('.body');
      body.scrollTop = 0;
      const times = [];
      let before = 0;
      for (;;) {
        const now = await new Promise(requestAnimationFrame);
        if (before) times.push(now - before);
        before = now;
        const at = body.scrollTop;
        body.scrollTop += 400;
        if (body.scrollTop === at) return times.sort((a, b) => a - b);
      }
    });
    const at = (share) => Math.round(frames[Math.floor((frames.length - 1) * share)]);
    t.diagnostic(`${frames.length} frames: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, ${at(1)} ms`);
    assert.ok(at(0.95) <= FRAME_MAX, `${at(0.95)} ms`);
    await page.context().close();
  });
});
