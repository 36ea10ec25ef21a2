// The demo: what each button does, the inbox page, languages, themes, tokens, on a phone too.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

const desk = (page, person) => page.locator(`.desk[data-person="${person}"]`);

describe('the demo', () => {
  let hub;
  let browser;
  before(async () => {
    hub = await Hub.start({ env: { LONCENG_LIMITS__PER_USER_PER_MINUTE: '0' } });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
  });

  const connected = (page) =>
    page.waitForFunction(() => {
      const bells = [...document.querySelectorAll('lonceng-bell')];
      return bells.length > 0 && bells.every((bell) => bell.client?.status === 'online');
    });

  async function open(address = '/', options = {}) {
    const page = await openPage(browser, hub, address, options);
    await connected(page);
    return page;
  }

  async function done(page) {
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  }

  test('it leaves the roles that a user has in the directory', async () => {
    await hub.api('PUT', '/api/v1/admin/directory/budi', { login: 'budi', roles: ['member'] });
    for (const address of ['/', '/?user_id=budi']) {
      await done(await open(address));
      const { roles } = await hub.api('GET', '/api/v1/admin/directory/budi');
      assert.deepEqual(roles, ['member']);
    }
  });

  test('each button shows its event, the result and the notification', async () => {
    const page = await open();
    const budi = desk(page, 'budi');
    for (const [button, type, arrival] of [
      ['Log in', 'USER_LOGIN', /In the bell of budi, after \d+ ms.*You logged in from Chrome/],
      ['Create note', 'NOTE_CREATED', /In the bell of budi, after \d+ ms.*You created a note/],
      ['Share note', 'NOTE_SHARED', /In the bell of admin, after \d+ ms.*budi shared note/],
      ['Request refund', 'REFUND_REQUESTED', /In the bell of admin, after \d+ ms.*Rp100\.000/],
    ]) {
      await budi.getByRole('button', { name: button }).click();
      const trace = budi.locator('.trace');
      await trace.locator('pre').getByText(`"type": "${type}"`).waitFor();
      await trace.locator('.arrived').waitFor();
      await trace.locator('.accepted').waitFor();
      assert.match(await trace.locator('.accepted').textContent(), /202 accepted Notifications: 1/);
      assert.match(await trace.locator('.arrived').textContent(), arrival);
    }
    await budi.getByRole('button', { name: 'Misspell a type' }).press('Enter');
    await budi.locator('.trace .skipped').waitFor();
    assert.match(
      await budi.locator('.trace .skipped').textContent(),
      /did you mean NOTE_CREATED\?/,
    );
    await desk(page, 'admin').getByRole('button', { name: 'Reject' }).click();
    const trace = desk(page, 'admin').locator('.trace');
    await trace.locator('.arrived').waitFor();
    assert.match(await trace.textContent(), /In the bell of budi.*The lesson has taken place/);
    await shot(page, 'demo');
    await done(page);
  });

  test('the answer to a message with two actions is recorded and shown', async () => {
    const page = await open();
    const admin = desk(page, 'admin');
    await admin.getByRole('button', { name: 'Invite budi' }).click();
    await admin.locator('.trace').getByText('POST /api/v1/notify').waitFor();
    await admin
      .locator('.trace')
      .getByText(/In the bell of budi/)
      .waitFor();
    await desk(page, 'budi').locator('lonceng-bell .bell').click();
    const item = desk(page, 'budi').locator('lonceng-bell .item').first();
    await item.getByText('Accept', { exact: true }).click();
    await admin.locator('.trace').getByText('budi chose “Accept”').waitFor();
    await until('the hub has the answer', async () => {
      const { items } = await hub.api('GET', '/api/v1/notifications?user_id=budi&limit=1');
      return items[0].clicked_action === 0;
    });
    await done(page);
  });

  test('a booking changes the seats and shows its event', async () => {
    const page = await open();
    const piano = page.locator('#live [data-course="PIANO-101"]');
    await until(
      'the feed is online',
      async () => (await piano.getAttribute('status')) === 'online',
    );
    await piano.getByRole('button', { name: 'Book' }).click();
    await until('5 are left', async () => (await piano.locator('strong').textContent()) === '5');
    await page.locator('#live .trace pre').getByText('booking.created').waitFor();
    await done(page);
  });

  test('the page of one user has one bell and nothing else', async () => {
    const page = await open('/?user_id=single');
    assert.equal(await page.locator('lonceng-bell').count(), 1);
    assert.equal(await page.locator('lonceng-inbox').count(), 0);
    assert.equal(await page.locator('#live').isVisible(), false);
    await done(page);
  });

  test('the inbox as a page shows whose the reader chooses', async () => {
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'budi', title: 'Of budi' });
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'admin', title: 'Of the admin' });
    const page = await open();
    const inbox = page.locator('lonceng-inbox');
    await inbox.getByText('Of budi').waitFor();
    await page.locator('[data-inbox="admin"]').click();
    await inbox.getByText('Of the admin').waitFor();
    assert.equal(await page.locator('[data-inbox="admin"]').getAttribute('aria-pressed'), 'true');
    await page.locator('[data-inbox="budi"]').press('Enter');
    await inbox.getByText('Of budi').waitFor();
    await shot(page, 'demo-inbox');
    await done(page);
  });

  test('the page and the bell follow the language, also from right to left', async () => {
    const page = await open();
    await page.locator('#language').selectOption('id');
    await page.getByRole('heading', { name: 'Permintaan pengembalian dana' }).waitFor();
    await desk(page, 'budi').locator('lonceng-bell .bell').click();
    const heading = desk(page, 'budi').locator('lonceng-bell .heading');
    assert.equal(await heading.textContent(), 'Notifikasi');
    await page.keyboard.press('Escape');
    await page.reload();
    await connected(page);
    await page.getByRole('button', { name: 'Minta pengembalian dana' }).click();
    await page.getByText(/Di lonceng admin, setelah \d+ ms/).waitFor();
    await page.locator('#language').selectOption('ar');
    assert.equal(await page.locator('html').getAttribute('dir'), 'rtl');
    await desk(page, 'budi').locator('lonceng-bell .bell').click();
    await until('it is Arabic', async () => (await heading.textContent()) === 'الإشعارات');
    assert.match(await desk(page, 'budi').locator('.trace').textContent(), /في جرس admin/);
    await shot(page, 'demo-rtl');
    await done(page);
  });

  test('themes reach the page and the bell', async () => {
    const page = await open();
    const surface = () =>
      page
        .locator('lonceng-bell')
        .first()
        .evaluate((bell) => getComputedStyle(bell).getPropertyValue('--l-surface').trim());
    const light = await surface();
    await page.locator('#theme').selectOption('dark');
    await until('the bell is dark', async () => (await surface()) !== light);
    await page.locator('#theme').selectOption('ocean');
    assert.deepEqual(await violations(page), [], 'ocean');
    assert.match(await surface(), /f7fcfe/);
    await page.locator('#theme').selectOption('clay');
    assert.deepEqual(await violations(page), [], 'clay');
    await done(page);
  });

  test('a token changes the elements at once, and the CSS is there to copy', async () => {
    const page = await open('/demo/theming.html');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByText('Nothing is changed yet.').waitFor();
    await page.getByLabel('Accent').fill('#116655');
    await page.getByLabel('Corners').focus();
    await page.keyboard.press('Home');
    await page.getByLabel('Font').selectOption('Serif');
    const css = await page.locator('#css').textContent();
    assert.match(css, /:root \{\n {2}--lonceng-accent: #116655;\n {2}--lonceng-radius: 0px;/);
    const value = (name) =>
      page
        .locator('lonceng-bell')
        .evaluate((bell, of) => getComputedStyle(bell).getPropertyValue(of).trim(), name);
    assert.equal(await value('--l-accent'), '#116655');
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), css);
    await page.locator('[data-token="--lonceng-text"]').fill('#dddddd');
    await page.getByText(/below 4\.5/).waitFor();
    await page.getByRole('button', { name: 'Ocean' }).click();
    await page.getByText(/readable/).waitFor();
    await page.getByRole('button', { name: 'Ring the bell' }).click();
    await page.locator('lonceng-bell .toast').first().waitFor();
    await page.locator('#theme').selectOption('dark');
    await until('the dark tokens are used', async () => (await value('--l-accent')) === '#7fd3ee');
    await page.getByRole('button', { name: 'Start over' }).click();
    await page.getByText('Nothing is changed yet.').waitFor();
    await done(page);
  });

  test('by touch, on a phone: publish, see it arrive, open the bell', async () => {
    const page = await open('/', { viewport: { width: 360, height: 740 }, hasTouch: true });
    await desk(page, 'budi').getByRole('button', { name: 'Create note' }).tap();
    await desk(page, 'budi').locator('.trace .arrived').waitFor();
    const bell = desk(page, 'budi').locator('lonceng-bell');
    await bell.locator('.bell').tap();
    await bell.locator('.item').first().waitFor();
    await shot(page, 'demo-phone');
    await done(page);
  });

  for (const path of ['/', '/demo/seats.html', '/demo/theming.html', '/?user_id=narrow']) {
    test(`nothing is too wide: ${path}`, async () => {
      const page = await openPage(browser, hub, path);
      for (const language of ['en', 'id', 'ar']) {
        await page.locator('#language').selectOption(language);
        for (const width of [320, 480, 768, 1024, 1440, 2560]) {
          await page.setViewportSize({ width, height: 900 });
          const over = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.equal(over, 0, `${language}, ${width} px`);
        }
      }
      await done(page);
    });

    for (const look of [
      { colorScheme: 'light' },
      { colorScheme: 'dark' },
      { forcedColors: 'active' },
    ]) {
      test(`axe finds nothing: ${path} ${JSON.stringify(look)}`, async () => {
        const page = await openPage(browser, hub, path, look);
        // What arrives before the bell is connected is not announced.
        if (path === '/') await connected(page);
        for (const language of ['en', 'id', 'ar']) {
          await page.locator('#language').selectOption(language);
          if (path === '/') {
            await desk(page, 'budi').getByRole('button').nth(1).waitFor();
            await desk(page, 'budi').locator('[data-do="share"]').click();
            await desk(page, 'budi').locator('.trace .arrived').waitFor();
          }
          assert.deepEqual(await violations(page), [], language);
        }
        await done(page);
      });
    }
  }
});
