// The elements besides the bell, rows of the page's own, and badges outside of the content.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shot, until, violations } from './harness.mjs';
import { becomes, bell, items, useSite } from './page.mjs';

const statusOf = (page, name) =>
  page.evaluate((element) => document.querySelector(element)?.client?.status, name);

describe('the elements', () => {
  const fixture = useSite();
  const { note, open } = fixture;

  test('all elements of a page share one connection, and show the same inbox', async () => {
    await note('share', 'One');
    const sockets = [];
    const page = await open('<p>Nothing yet</p>');
    page.on('websocket', (socket) => sockets.push(socket.url()));
    await page.evaluate(() => {
      for (const name of ['bell', 'inbox', 'toasts', 'preferences']) {
        const made = document.createElement(`lonceng-${name}`);
        made.setAttribute('user-id', 'share');
        document.body.append(made);
      }
    });
    for (const name of ['bell', 'inbox', 'toasts', 'preferences'])
      await until(name, async () => (await statusOf(page, `lonceng-${name}`)) === 'online');
    assert.equal(sockets.length, 1);
    const listed = page.locator('lonceng-inbox .item');
    await until('it is listed', async () => (await listed.count()) === 1);
    await page.locator('lonceng-preferences .save').waitFor();
    // A mark in one element is one in all.
    await listed.getByRole('button', { name: 'Mark as read' }).click();
    await until('the badge is gone', async () => !(await bell(page).locator('.badge').isVisible()));
    // The connection ends with the last element only.
    await page.evaluate(() => document.querySelector('lonceng-bell').remove());
    await note('share', 'Two');
    await until('the list goes on', async () => (await listed.count()) === 2);
    assert.equal(sockets.length, 1);
    await page.context().close();
  });

  test('toasts of an element of their own take the place of those of the bell', async () => {
    const page = await open(
      `<lonceng-bell user-id="toast"></lonceng-bell>
       <lonceng-toasts user-id="toast" max-toasts="1"></lonceng-toasts>`,
    );
    await becomes(page, 'online');
    await page.evaluate(() => {
      window.fired = [];
      document.addEventListener('lonceng:notification', (event) =>
        window.fired.push(event.target.localName),
      );
    });
    await note('toast', 'One');
    await note('toast', 'Two');
    const toasts = page.locator('lonceng-toasts .toast');
    await until('one and the rest', async () => (await toasts.count()) === 2);
    assert.equal(await bell(page).locator('.toast').count(), 0);
    assert.deepEqual(await page.evaluate(() => window.fired), ['lonceng-toasts', 'lonceng-toasts']);
    // The line that counts the rest opens the bell.
    await page.locator('lonceng-toasts .rest .title').click();
    await until('both are listed', async () => (await items(page).count()) === 2);
    await page.context().close();
  });

  test('toasts are in the corner that is asked for, also right to left', async () => {
    for (const [position, dir, top, left] of [
      ['', 'ltr', false, false],
      ['bottom-start', 'ltr', false, true],
      ['top-end', 'ltr', true, false],
      ['top-start', 'rtl', true, false],
    ]) {
      const user = `corner-${position}`;
      const page = await open(
        `<div dir="${dir}">
          <lonceng-toasts user-id="${user}" toast-position="${position}"></lonceng-toasts></div>`,
      );
      await until('online', async () => (await statusOf(page, 'lonceng-toasts')) === 'online');
      await note(user, 'One');
      const box = await page.locator('lonceng-toasts .toast').boundingBox();
      const { width, height } = page.viewportSize();
      assert.equal(box.y < height / 2, top, `${position} ${dir}: ${JSON.stringify(box)}`);
      assert.equal(box.x < width / 2, left, `${position} ${dir}: ${JSON.stringify(box)}`);
      await page.context().close();
    }
  });

  test('a row of the page has its styles, its link and its keys', async () => {
    await fixture.hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'own' }],
      title: 'Own',
      message: 'Mine',
      action_url: '/elsewhere',
    });
    await note('own', 'Built in');
    const page = await open(
      `<style>.mine { color: rgb(1, 2, 3) }</style>
       <div style="height:400px"><lonceng-inbox user-id="own"></lonceng-inbox></div>`,
    );
    await page.evaluate(() => {
      document.querySelector('lonceng-inbox').renderItem = (item) => {
        if (item.title !== 'Own') return null;
        const row = document.createElement('div');
        row.className = 'mine';
        row.textContent = `Mine: ${item.message}`;
        return row;
      };
    });
    const rows = page.locator('lonceng-inbox .item');
    await until('both are listed', async () => (await rows.count()) === 2);
    const mine = page.locator('lonceng-inbox > .mine');
    assert.equal(await mine.textContent(), 'Mine: Mine');
    assert.equal(await mine.evaluate((row) => getComputedStyle(row).color), 'rgb(1, 2, 3)');
    assert.deepEqual(await violations(page), []);
    await rows.last().focus();
    await page.keyboard.press('e');
    await until('it is archived', async () => (await rows.count()) === 1);
    assert.equal(await mine.count(), 0, 'its row is gone from the page');
    await page.locator('lonceng-inbox').getByRole('tab', { name: 'Archived' }).click();
    await until('it is in the archive', async () => (await mine.count()) === 1);
    await mine.click();
    await page.waitForURL('**/elsewhere');
    await page.context().close();
  });

  test('a list that could not be loaded says so, and is loaded by the next attempt', async () => {
    await note('late', 'One');
    const page = await open('<p>Nothing yet</p>');
    let fails = true;
    await page.route('**/lonceng-inbox.js*', (route) => (fails ? route.abort() : route.continue()));
    await page.evaluate(() => {
      const made = document.createElement('lonceng-bell');
      made.setAttribute('user-id', 'late');
      document.body.append(made);
    });
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    const panel = bell(page).locator('.panel');
    await until('it says so', async () =>
      /could not be loaded/.test((await panel.textContent()) ?? ''),
    );
    assert.deepEqual(await violations(page), []);
    fails = false;
    await panel.getByRole('button', { name: 'Try again' }).click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    await page.context().close();
  });

  test('the count in title, favicon and app icon leaves with the bell', async () => {
    const page = await open('<p>Nothing yet</p>');
    await page.evaluate(() => {
      window.app = [];
      navigator.setAppBadge = async (count) => window.app.push(count);
      navigator.clearAppBadge = async () => window.app.push(0);
      document.body.insertAdjacentHTML(
        'beforeend',
        '<lonceng-bell user-id="marks" title-badge favicon-badge app-badge></lonceng-bell>',
      );
    });
    await becomes(page, 'online');
    const icon = () =>
      page.evaluate(() => document.querySelector('link[rel~="icon"]').getAttribute('href'));
    assert.equal(await page.title(), 'Site');
    assert.equal(await icon(), 'data:,');
    await note('marks', 'One');
    await until('it is in the title', async () => (await page.title()) === '(1) Site');
    await until('it is on the icon', async () => (await icon()).startsWith('data:image/png'));
    await page.evaluate(() => (document.title = 'Other page'));
    await until('pages may navigate', async () => (await page.title()) === '(1) Other page');
    await note('marks', 'Two');
    await until('two', async () => (await page.title()) === '(2) Other page');
    assert.deepEqual(await page.evaluate(() => window.app), [1, 2]);
    await page.evaluate(() => document.querySelector('lonceng-bell').remove());
    await until('the title is restored', async () => (await page.title()) === 'Other page');
    assert.equal(await icon(), 'data:,');
    assert.deepEqual(await page.evaluate(() => window.app), [1, 2, 0]);
    await page.context().close();
  });

  for (const colorScheme of ['light', 'dark']) {
    for (const [lang, dir] of [
      ['en', 'ltr'],
      ['id', 'ltr'],
      ['en', 'rtl'],
    ]) {
      test(`axe finds nothing and nothing overflows: ${colorScheme}, ${lang}, ${dir}`, async () => {
        const user = `axe-${colorScheme}-${lang}-${dir}`;
        for (const title of ['One', 'Two']) await note(user, title);
        const page = await open(
          `<div dir="${dir}" lang="${lang}">
            <div style="height:420px"><lonceng-inbox user-id="${user}"></lonceng-inbox></div>
            <lonceng-preferences user-id="${user}"></lonceng-preferences></div>`,
          { colorScheme },
        );
        const inbox = page.locator('lonceng-inbox');
        await until('both are listed', async () => (await inbox.locator('.item').count()) === 2);
        await page.locator('lonceng-preferences .save').waitFor();
        assert.deepEqual(await violations(page), [], 'list and settings');
        // Titles begin where the row does, whatever the direction of their text.
        const [row, title] = await inbox
          .locator('.item')
          .first()
          .evaluate((item) => {
            const range = document.createRange();
            range.selectNodeContents(item.querySelector('.title').firstChild);
            return [item, range].map((one) => {
              const { left, right } = one.getBoundingClientRect();
              return { left, right };
            });
          });
        const gap = dir === 'rtl' ? row.right - title.right : title.left - row.left;
        assert.ok(gap > 0 && gap < 60, JSON.stringify([row, title]));
        await shot(page, `elements-${colorScheme}-${lang}-${dir}`);
        await inbox.locator('.item').first().focus();
        await page.keyboard.press('?');
        assert.deepEqual(await violations(page), [], 'keys');
        await page.keyboard.press('Escape');
        await page.keyboard.press('/');
        await page.keyboard.type('zzz');
        await until('nothing is found', async () =>
          /zzz/.test(
            (await inbox
              .locator('.empty')
              .textContent()
              .catch(() => '')) ?? '',
          ),
        );
        assert.deepEqual(await violations(page), [], 'nothing found');
        for (const width of [320, 768, 1440, 2560]) {
          await page.setViewportSize({ width, height: 800 });
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.ok(overflow <= 0, `${width} px: ${overflow} px too wide`);
        }
        await page.context().close();
      });
    }
  }
});
