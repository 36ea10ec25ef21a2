// Notifications with a category, an icon, actions, bold text and links, against the hub.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Hub, freePort, launch, shot, until, violations } from './harness.mjs';
import { UNLIMITED, becomes, bell, items, siteWith } from './page.mjs';

const CONFIG = `
[[type]]
code = "COMMENT"
title = "Comment of {name}"
template = "**{name}** wrote [a comment](/comments/{id}): {text}"
target = "SELF"
category = "Comments"
icon = "/people/{name}.svg"
rich = true

[[type]]
code = "REFUND"
title = "Refund {id}"
template = "{name} asks for a refund"
target = "SELF"
category = "Refunds"
icon = "/missing.png"
action_url = "/refunds/{id}"
actions = [
    { label = "Refuse", url = "/refunds/{id}/refuse" },
    { label = "Approve", url = "/refunds/{id}/approve", primary = true },
]

[[type]]
code = "PLAIN"
title = "Plain"
template = "{text}"
target = "SELF"
`;

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">
  <rect width="8" height="8" fill="teal"/></svg>`;

describe('richer notifications', () => {
  let hub;
  let browser;
  let site;
  let body = '';
  /** Paths of the site that were asked for with POST. */
  const posted = [];
  before(async () => {
    browser = await launch();
    const port = await freePort();
    hub = await Hub.start({
      config: CONFIG,
      env: { ...UNLIMITED, LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]` },
    });
    site = await siteWith(
      port,
      () => `${body}<script type="module" src="${hub.base}/lonceng.js"></script>`,
      { '/refunds/post/approve': () => posted.push('/refunds/post/approve') },
    );
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.close();
  });
  const api = (path) => hub.api('GET', path);
  const comment = (user, text = 'hi') =>
    hub.publish({ type: 'COMMENT', user_id: user, name: 'Ani', id: '7', text });
  const refund = (user, id = '4') =>
    hub.publish({ type: 'REFUND', user_id: user, name: 'Budi', id });
  const plain = (user, text) => hub.publish({ type: 'PLAIN', user_id: user, text });

  /** Opens a page with a bell whose `lonceng:action` events are recorded, canceled on request. */
  async function open(user, options = {}, attributes = '') {
    body = `<lonceng-bell user-id="${user}" ${attributes}></lonceng-bell>`;
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await page.route('**/people/*.svg', (route) =>
      route.fulfill({ contentType: 'image/svg+xml', body: PICTURE }),
    );
    await page.route('**/missing.png', (route) => route.fulfill({ status: 404 }));
    await page.goto(site.base);
    await becomes(page, 'online');
    await page.evaluate(() => {
      window.pressed = [];
      document.addEventListener('lonceng:action', (event) => {
        window.pressed.push([event.detail.title, event.action ?? null, event.url]);
        if (window.mine) event.preventDefault();
      });
    });
    return page;
  }
  const stored = async (user) => (await api(`/api/v1/notifications?user_id=${user}`)).items[0];
  const pressed = (page) => page.evaluate(() => window.pressed);

  test('a row shows category, icon, bold text, links and actions, never HTML', async () => {
    await plain('rows', 'Nothing more');
    await refund('rows');
    await comment('rows', '<b>no</b> **no** [no](https://evil.example)');
    const page = await open('rows');
    await bell(page).locator('.bell').click();
    await until('all are listed', async () => (await items(page).count()) === 3);
    const row = items(page).first();
    assert.equal(await row.locator('.category').textContent(), 'Comments');
    assert.equal(
      await row.locator('.text').textContent(),
      'Ani wrote a comment: <b>no</b> **no** [no](https://evil.example)',
    );
    assert.equal(await row.locator('.text b').textContent(), 'Ani');
    assert.deepEqual(
      await row.locator('.text a').evaluateAll((links) => links.map((a) => a.getAttribute('href'))),
      ['/comments/7'],
    );
    const image = row.locator('.avatar img');
    await until('it is loaded', () => image.evaluate((one) => one.naturalWidth > 0));
    assert.deepEqual(await image.evaluate((one) => [one.alt, one.loading, one.referrerPolicy]), [
      '',
      'lazy',
      'no-referrer',
    ]);
    await until(
      'initials take the place of an icon that is missing',
      async () => (await items(page).nth(1).locator('.avatar').textContent()) === 'R4',
    );
    assert.deepEqual(await items(page).nth(1).locator('.action').allTextContents(), [
      'Approve',
      'Refuse',
    ]);
    assert.equal(await items(page).last().locator('.action, .category').count(), 0);
    await shot(page, 'rich');
    await page.context().close();
  });

  test('by mouse: an action is reported with its index, followed, and shown as done', async () => {
    await refund('mouse');
    const page = await open('mouse');
    await page.evaluate(() => (window.mine = true));
    await bell(page).locator('.bell').click();
    await bell(page).locator('.action.primary').click();
    await until('the hub knows', async () => (await stored('mouse')).clicked_action === 1);
    assert.equal((await stored('mouse')).status, 'read');
    assert.deepEqual(await pressed(page), [['Refund 4', 1, '/refunds/4/approve']]);
    assert.match(await bell(page).locator('.action.done').textContent(), /^Approve/);
    await page.evaluate(() => (window.mine = false));
    await bell(page).getByRole('link', { name: 'Refuse' }).click();
    await page.waitForURL('**/refunds/4/refuse');
    await until('the other one too', async () => (await stored('mouse')).clicked_action === 0);
    await page.context().close();
  });

  test('a page sends a POST request in place of following the link of an action', async () => {
    await refund('post', 'post');
    const page = await open('post');
    const methods = [];
    page.on('request', (request) => methods.push([request.method(), new URL(request.url()).host]));
    // As in docs/EMBEDDING.md.
    await page.evaluate(() =>
      document.addEventListener('lonceng:action', async (event) => {
        const { detail, action, url } = event;
        if (detail.type_code !== 'REFUND' || action === undefined) return;
        event.preventDefault();
        const response = await fetch(url, { method: 'POST' });
        window.answered = response.status;
      }),
    );
    const address = page.url();
    await bell(page).locator('.bell').click();
    await bell(page).getByRole('link', { name: 'Approve' }).click();
    await until('the site answers', () => page.evaluate(() => window.answered === 200));
    assert.deepEqual(posted, ['/refunds/post/approve'], 'a relative URL is one of the page');
    assert.ok(methods.some((one) => one.join() === `POST,${new URL(address).host}`));
    assert.equal(page.url(), address);
    await until('the hub knows', async () => (await stored('post')).clicked_action === 1);
    await page.context().close();
  });

  test('by keyboard: actions are reached with Tab, and Enter opens the row', async () => {
    await refund('board');
    const page = await open('board');
    await page.evaluate(() => (window.mine = true));
    await bell(page).locator('.bell').focus();
    await page.keyboard.press('Enter');
    await until('it is listed', async () => (await items(page).count()) === 1);
    await page.keyboard.press('ArrowDown');
    const active = () =>
      page.evaluate(
        () => document.querySelector('lonceng-bell').shadowRoot.activeElement?.textContent,
      );
    for (let n = 0; n < 6 && (await active()) !== 'Refuse'; n += 1)
      await page.keyboard.press('Tab');
    assert.equal(await active(), 'Refuse');
    await page.keyboard.press('Enter');
    await until('the hub knows', async () => (await stored('board')).clicked_action === 0);
    await items(page).first().focus();
    await page.keyboard.press('Enter');
    await until('the row too', async () => (await pressed(page)).length === 2);
    assert.deepEqual((await pressed(page))[1], ['Refund 4', null, '/refunds/4']);
    await page.context().close();
  });

  test('by touch: an action and a link of a toast', async () => {
    const page = await open('touch', {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 390, height: 780 },
    });
    await page.evaluate(() => (window.mine = true));
    await comment('touch');
    await bell(page).locator('.toast .link').tap();
    await until('the link', async () => (await pressed(page)).length === 1);
    assert.deepEqual(await pressed(page), [['Comment of Ani', null, '/comments/7']]);
    await refund('touch');
    await bell(page).locator('.toast .action').first().tap();
    await until('the hub knows', async () => (await stored('touch')).clicked_action === 1);
    await until('it leaves', async () => (await bell(page).locator('.toast').count()) === 0);
    await page.context().close();
  });

  test('an action that is pressed without a connection is sent later', async () => {
    await refund('later');
    const page = await open('later');
    await page.evaluate(() => (window.mine = true));
    await bell(page).locator('.bell').click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    await hub.halt();
    await becomes(page, 'offline');
    await bell(page).locator('.action').last().click();
    await hub.run();
    await until('the hub knows', async () => (await stored('later')).clicked_action === 0);
    await page.context().close();
  });

  test('categories filter the list, also what the connection did not bring', async () => {
    await refund('cat', 'old');
    for (let n = 0; n < 120; n += 1) await plain('cat', `Plain ${n}`);
    await comment('cat');
    const page = await open('cat');
    await bell(page).locator('.bell').click();
    await until('the first page', async () => (await items(page).count()) >= 100);
    const chip = (name) => bell(page).locator('.chips').getByRole('button', { name });
    await chip('Refunds').click();
    await until('one is there', async () => (await items(page).count()) === 1);
    assert.match(await items(page).first().textContent(), /Refund old/);
    assert.equal(await chip('Refunds').getAttribute('aria-pressed'), 'true');
    await bell(page).getByRole('tab', { name: 'Archived' }).click();
    await until('none is archived', async () =>
      /Nothing in “Refunds”/.test((await bell(page).locator('.body').textContent()) ?? ''),
    );
    await bell(page).getByRole('tab', { name: 'All' }).click();
    await chip('All categories').click();
    await until('everything is back', async () => (await items(page).count()) >= 100);
    await page.context().close();
  });

  for (const options of [
    { colorScheme: 'light' },
    { colorScheme: 'dark' },
    { forcedColors: 'active' },
  ]) {
    for (const [lang, width] of [
      ['en', 1180],
      ['id', 390],
    ]) {
      const name = `${Object.values(options)[0]}, ${lang}, ${width} px`;
      test(`axe finds nothing: ${name}`, async () => {
        const user = `axe-${name.replaceAll(/\W/g, '')}`;
        await refund(user);
        const viewport = { width, height: 780 };
        const page = await open(user, { ...options, viewport }, `lang="${lang}"`);
        await comment(user);
        await bell(page).locator('.toast').waitFor();
        assert.deepEqual(await violations(page), [], 'toast');
        await bell(page).locator('.bell').click();
        await until('both are listed', async () => (await items(page).count()) === 2);
        assert.deepEqual(await violations(page), [], 'list');
        await page.evaluate(() => (window.mine = true));
        await bell(page).locator('.item .action').first().click();
        await bell(page).locator('.action.done').waitFor();
        assert.deepEqual(await violations(page), [], 'done');
        await shot(page, `rich-${Object.values(options)[0]}-${lang}`);
        await page.context().close();
      });
    }
  }
});
