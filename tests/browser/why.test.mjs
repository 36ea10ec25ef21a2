// Explanations and variants in the console, in both languages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

let hub;
let browser;

before(async () => {
  hub = await Hub.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

const as = '/admin?user_id=9&login=ratna&role=admin';

const picture = (page, name) => shot(page, `console-${name}`);

test('the trace of an event and the inbox of a user show why something was not delivered', async () => {
  const bell = await openPage(browser, hub, '/?user_id=budi&login=budi&role=user');
  await until(
    'budi is connected',
    async () => (await hub.api('GET', '/api/v1/admin/users')).total_count === 1,
  );
  await hub.publish({
    type: 'NOTE_CREATED',
    event_id: 'evt-1',
    user_id: 'budi',
    title: 'Piano',
  });
  await bell.locator('lonceng-bell .toast').first().waitFor();
  await hub.api('PUT', '/api/v1/preferences?user_id=budi', {
    muted_types: ['NOTE_UPDATED'],
    quiet_hours: { from: '22:00', to: '07:00' },
  });
  await hub.publish({
    type: 'NOTE_UPDATED',
    event_id: 'evt-2',
    user_id: 'budi',
    title: 'Piano',
  });
  await hub.publish({ type: 'NOTE_BURNT', event_id: 'evt-3', user_id: 'budi' });

  const page = await openPage(browser, hub, `${as}#explain/evt-1`);
  await page.getByText('pushed, connections: 1').waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'explain');
  await page.getByRole('searchbox').fill('evt-3');
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('no type NOTE_BURNT').waitFor();
  await page.getByRole('searchbox').fill('evt-unknown');
  await page.keyboard.press('Enter');
  await page.getByText('This hub does not remember such an event').waitFor();

  await page
    .getByRole('navigation')
    .getByRole('link', { name: 'Inbox of a user', exact: true })
    .click();
  await page.getByRole('searchbox', { name: 'User' }).fill('budi');
  await page.keyboard.press('Enter');
  await page.getByText('muted: NOTE_UPDATED').waitFor();
  assert.equal(await page.getByRole('row').filter({ hasText: 'UNREAD' }).count(), 1);
  await page.getByText('all recipients muted the type').waitFor();
  assert.equal(await page.getByText('null', { exact: true }).count(), 0);
  assert.match(page.url(), /#inbox\/budi$/);
  assert.deepEqual(await violations(page), []);
  await picture(page, 'inbox');
  await page.getByRole('link', { name: /^Explain 0/ }).click();
  await page.getByText('evt-1').first().waitFor();
  assert.deepEqual(page.troubles, []);
});

test('variants are edited, previewed with real events, and sent to the caller', async () => {
  const page = await openPage(browser, hub, `${as}#types`);
  await page.getByRole('link', { name: 'New type' }).click();
  const dialog = page.locator('form.editor');
  await dialog.getByRole('textbox', { name: 'Code' }).fill('OFFER');
  await dialog.getByRole('textbox', { name: 'Title' }).fill('Offer');
  await dialog.getByRole('textbox', { name: 'Text' }).first().fill('{thing}');
  await dialog.getByRole('textbox', { name: 'Link' }).fill('/offers');
  for (const [at, text] of ['Buy {thing}', 'Would you like {thing}?'].entries()) {
    await dialog.getByRole('button', { name: 'Add variant' }).click();
    await dialog.getByRole('group', { name: 'Variant' }).nth(at).getByLabel('Text').fill(text);
  }
  await dialog.getByRole('textbox', { name: 'Test data' }).fill('{ "thing": "tea" }');
  await until('the preview follows', async () =>
    /tea/.test(await dialog.locator('.preview').textContent()),
  );
  await dialog.getByRole('button', { name: 'Send to me' }).click();
  await until('I have it', async () =>
    /tea/.test((await hub.api('GET', '/api/v1/notifications?user_id=9')).items[0]?.message ?? ''),
  );
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'OFFER' }).waitFor();

  for (let n = 0; n < 30; n += 1)
    await hub.publish({ type: 'OFFER', user_id: `r${n}`, thing: `tea ${n}` });
  // A user clicks it in the component.
  const reader = await openPage(browser, hub, '/?user_id=r7&login=r7');
  await reader
    .getByRole('button', { name: /Notifications/ })
    .first()
    .click();
  await reader.route('**/offers', (route) => route.fulfill({ body: 'offers' }));
  await reader.locator('lonceng-bell .item').first().click();
  await until('it is counted', async () => {
    const { variants } = await hub.api('GET', '/api/v1/admin/types/OFFER/variants');
    return variants.reduce((sum, one) => sum + one.clicked, 0) === 1;
  });
  // The first preview is answered after the second one, and must not replace it.
  let late = () => {};
  const first = new Promise((resolve) => {
    late = resolve;
  });
  await page.route(
    /\/preview\?/,
    async (route) => {
      const response = await route.fetch();
      await first;
      await route.fulfill({ response });
    },
    { times: 1 },
  );
  await page.getByRole('link', { name: 'Edit OFFER' }).click();
  await dialog
    .getByText(/clicked/)
    .first()
    .waitFor();
  await dialog.getByLabel('Recent event').selectOption({ index: 1 });
  await until('a real event is shown', async () =>
    /tea 29/.test(await dialog.locator('.preview').textContent()),
  );
  const answered = page.waitForResponse(/\/preview\?/);
  late();
  await answered;
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  assert.match(await dialog.locator('.preview').textContent(), /tea 29/);
  assert.deepEqual(await violations(page), []);
  await picture(page, 'variants');
  assert.deepEqual(
    page.troubles.filter((text) => !/status of 400/.test(text)),
    [],
  );
});

test('a message goes to all users with a role; the import shows its progress', async () => {
  const lines = Array.from({ length: 450 }, (_, n) =>
    JSON.stringify({ user_id: `t${n}`, roles: ['teacher'] }),
  ).join('\n');
  const page = await openPage(browser, hub, `${as}#directory`);
  await page.getByLabel(/^Upload users/).setInputFiles({
    name: 'p.ndjson',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(lines),
  });
  await page.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
  await until('they are entered', async () =>
    (await page.locator('#said').textContent()).includes('450 users imported'),
  );
  await page.getByRole('link', { name: 'Send', exact: true }).click();
  await page.getByRole('combobox', { name: 'Recipients' }).selectOption('role');
  await page.getByLabel('Role', { exact: true }).fill('teacher');
  await page.getByText('450 recipients.').waitFor();
  await page.getByLabel('Message').fill('Staff meeting');
  page.once('dialog', (question) => question.accept());
  await page.getByRole('button', { name: 'Send' }).click();
  await until('all have it', async () =>
    (await page.locator('#said').textContent()).includes('Sent to 450'),
  );
  assert.equal(
    (await hub.api('GET', '/api/v1/notifications?user_id=t449')).items[0].message,
    'Staff meeting',
  );
  assert.deepEqual(page.troubles, []);
});

test('the console speaks Indonesian', async () => {
  const page = await openPage(browser, hub, as, { locale: 'id-ID' });
  await page.getByRole('heading', { level: 1, name: 'Ikhtisar' }).waitFor();
  await page.getByRole('link', { name: 'Jenis', exact: true }).click();
  await page.getByRole('switch', { name: 'NOTE_CREATED' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'id');
  assert.deepEqual(await violations(page), []);
  await picture(page, 'indonesian');
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('heading', { level: 1, name: 'Types' }).waitFor();
  assert.deepEqual(page.troubles, []);
});
