// The component under axe, forced colors, right to left, and a strict Content-Security-Policy.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';
import { Hub, freePort, shot, until, violations } from './harness.mjs';
import { badge, bell, items, online, useDemo } from './page.mjs';

describe('accessibility', () => {
  const fixture = useDemo();
  const { done, note, open } = fixture;

  test("on another site, with a strict policy, right to left, and the page's own words", async () => {
    const port = await freePort();
    const site = http.createServer((_, answer) => {
      answer.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': [
          "default-src 'none'; img-src data:",
          `script-src ${strict.base}`,
          `connect-src ${strict.base} ws://127.0.0.1:${strict.port}`,
        ].join('; '),
      });
      answer.end(`<!doctype html><html lang="ar" dir="rtl">
        <title>Strict</title><link rel="icon" href="data:,"><body><main><h1>Strict</h1>
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
    const context = await fixture.browser.newContext();
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
    // Opening the panel marks it as seen: the badge disappears, the unread count stays.
    await until('it is seen', async () => (await badge(page)) === '0');
    await until('the hub knows', async () => {
      const counts = await (
        await fetch(`${strict.base}/api/v1/notifications/unread-count?user_id=csp`)
      ).json();
      return counts.unread === 1 && counts.unseen === 0;
    });
    // The bell is at the right edge, so the panel opens to its left, fully visible.
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
        await fixture.hub.publish({
          type: 'REFUND_REQUESTED',
          user_id: user,
          refund_id: 'r',
          amount: 5,
        });
        await fixture.hub.publish({ type: 'REFUND_APPROVED', user_id: user });
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
});
