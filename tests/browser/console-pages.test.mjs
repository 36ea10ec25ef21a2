// New pages of the console: activity, overview, import, values, palette, frame and settings.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

let hub;
let browser;

before(async () => {
  hub = await Hub.start({ env: { LONCENG_LIMITS__PER_USER_PER_MINUTE: '77' } });
  browser = await launch();
  await hub.publish({ type: 'NOTE_CREATED', event_id: 'e-1', user_id: 'budi', title: 'Piano' });
  await hub.publish({ type: 'NOTE_CREATED', event_id: 'e-2', user_id: 'ani', title: 'Violin' });
  await hub.publish({ type: 'NOTE_CREATD', event_id: 'e-3', user_id: 'budi' });
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

const as = '/admin?user_id=9&login=ratna&role=admin';

const api = (method, address, body) => hub.api(method, `/api/v1/admin/${address}`, body);
const picture = (page, name) => shot(page, `console-${name}`);
const h1 = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

test('activity is filtered by the address, and a row opens the trace', async () => {
  const page = await openPage(browser, hub, `${as}#activity`);
  const rows = page.locator('tbody tr');
  await until('three are listed', async () => (await rows.count()) === 3);
  assert.match(await rows.first().textContent(), /e-3.*NOTE_CREATD.*skipped/);
  assert.deepEqual(await violations(page), []);
  await picture(page, 'activity');
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('skipped');
  await until('one is left', async () => (await rows.count()) === 1);
  assert.match(page.url(), /#activity\/outcome=skipped$/);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByRole('searchbox', { name: 'User ID' }).fill('ani');
  await page.keyboard.press('Enter');
  await until('those of ani', async () => (await rows.count()) === 1);
  await page.getByLabel('From').fill('2099-01-01T00:00');
  await page.getByText('No event matches.').waitFor();
  // A link with filters is opened by another administrator.
  const other = await openPage(browser, hub, `${as}#activity/type=NOTE_CREATED&user=budi`);
  await until('one of budi', async () => (await other.locator('tbody tr').count()) === 1);
  await other.getByRole('cell', { name: 'accepted' }).click();
  await h1(other, 'Explain').waitFor();
  await other.getByText('e-1').first().waitFor();
  assert.match(other.url(), /#explain\/e-1$/);
  assert.deepEqual([...page.troubles, ...other.troubles], []);
});

test('charts have axes, ranges and a tooltip for mouse, keyboard and touch', async () => {
  const page = await openPage(browser, hub, `${as}#overview`, { hasTouch: true });
  const chart = page.getByRole('region', { name: 'Events', exact: true });
  const plot = chart.getByRole('slider');
  await plot.waitFor();
  assert.ok((await chart.locator('svg text').count()) >= 6, 'labels of both axes');
  const tip = chart.locator('.tip');
  await plot.hover();
  await tip.waitFor();
  assert.match(await tip.textContent(), /\d .*20\d\d/);
  await page.mouse.move(0, 0);
  await until('it is gone', async () => !(await tip.isVisible()));
  await plot.focus();
  await page.keyboard.press('End');
  await tip.waitFor();
  const last = await plot.getAttribute('aria-valuetext');
  await page.keyboard.press('ArrowLeft');
  await until(
    'the value changes',
    async () => (await plot.getAttribute('aria-valuetext')) !== last,
  );
  await plot.tap();
  await tip.waitFor();
  await page.getByRole('button', { name: '7 days' }).click();
  await until('the unit changes', async () => /per 2 hours/.test(await chart.textContent()));
  assert.equal(
    await page.getByRole('button', { name: '7 days' }).getAttribute('aria-pressed'),
    'true',
  );
  assert.deepEqual(await violations(page), []);
  await picture(page, 'overview-7d');
  assert.deepEqual(page.troubles, []);
});

test('a refused origin and an event without a type have remedies', async () => {
  await fetch(`${hub.base}/api/v1/notifications?user_id=budi`, {
    headers: { origin: 'https://shop.example.com' },
  });
  const page = await openPage(browser, hub, `${as}#overview`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const unknown = page.getByRole('row').filter({ hasText: 'NOTE_CREATD' });
  await unknown.getByRole('link', { name: 'Create the type NOTE_CREATD' }).click();
  const editor = page.locator('form.editor');
  await h1(page, 'New type').waitFor();
  assert.equal(await editor.getByRole('textbox', { name: 'Code' }).inputValue(), 'NOTE_CREATD');
  const { template } = await api('GET', 'types/NOTE_CREATED');
  assert.equal(await editor.getByRole('textbox', { name: 'Text' }).inputValue(), template);
  await editor.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'NOTE_CREATD' }).waitFor();
  const { refused_origins: origins } = await api('GET', 'overview?range=1h');
  if (origins.length) {
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByRole('button', { name: `Copy the line for ${origins[0].origin}` }).click();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(line, `allowed_origins = ["${origins[0].origin}"]`);
  }
  await api('DELETE', 'types/NOTE_CREATD');
  assert.deepEqual(page.troubles, []);
});

test('the real bell previews a type as it is typed, without taking the focus', async () => {
  const page = await openPage(browser, hub, `${as}#types/NOTE_CREATED`);
  const text = page.getByRole('textbox', { name: 'Text' });
  await text.fill('Fresh: {title}');
  await page.getByRole('textbox', { name: 'Test data' }).fill('{ "title": "Cello" }');
  const bell = page.frameLocator('.bell-frame iframe').locator('lonceng-bell');
  await until('the bell shows it', async () =>
    /Fresh: Cello/.test(
      (await bell
        .locator('.item')
        .first()
        .textContent()
        .catch(() => '')) ?? '',
    ),
  );
  const focused = page.getByRole('textbox', { name: 'Test data' });
  assert.ok(await focused.evaluate((one) => one === document.activeElement));
  await page.getByRole('button', { name: 'As a toast' }).click();
  await until('the toast shows it', async () =>
    /Fresh: Cello/.test(
      (await bell
        .locator('.toast')
        .first()
        .textContent()
        .catch(() => '')) ?? '',
    ),
  );
  await picture(page, 'type-bell');
  // The language tabs show the translations, which are files.
  const tab = page.getByRole('tab', { name: 'Indonesia' });
  if (await tab.count()) {
    await tab.click();
    assert.equal(await tab.getAttribute('aria-selected'), 'true');
    await page.keyboard.press('ArrowLeft');
    await until('the arrow goes back', () =>
      page.getByRole('tab', { name: 'Default' }).evaluate((one) => one === document.activeElement),
    );
  }
  assert.deepEqual(await violations(page), []);
  // An error is at its field while one types.
  await text.fill('{title|nofilter}');
  await page.locator('.field .error').filter({ hasText: 'nofilter' }).waitFor();
  assert.equal(await text.getAttribute('aria-invalid'), 'true');
  assert.deepEqual(
    page.troubles.filter((line) => !/status of 400/.test(line)),
    [],
  );
});

test('an answer on its way does not overwrite the test data that are typed', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  const asked = [];
  await page.route('**/types/NOTE_CREATED/preview*', async (route) => {
    const { event } = route.request().postDataJSON();
    if (event) await new Promise((resolve) => asked.push(resolve));
    const rendered = { title: 'Note', message: 'Note', warnings: [] };
    if (event) rendered.data = { title: 'of the event' };
    return route.fulfill({ status: 200, json: rendered });
  });
  await page.evaluate(() => (location.hash = '#types/NOTE_CREATED'));
  await until('the preview of an event is on its way', () => asked.length > 0);
  const data = page.getByRole('textbox', { name: 'Test data' });
  await data.fill('{ "title": "typed" }');
  const answered = page.waitForResponse('**/types/NOTE_CREATED/preview*');
  for (const answer of asked) answer();
  await answered;
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => drawn(null))));
  assert.equal(await data.inputValue(), '{ "title": "typed" }');
});

test('buttons, category and icon of a type are saved', async () => {
  const page = await openPage(browser, hub, `${as}#new-type`);
  const editor = page.locator('form.editor');
  const fill = (name, value) => editor.getByRole('textbox', { name }).first().fill(value);
  await fill('Code', 'REFUND_ASKED');
  await fill('Title', 'Refund');
  await fill('Text', 'Refund of **{amount}**');
  await editor.getByText('Bold and links in the text').click();
  await fill('Category', 'Refunds');
  await fill('Icon', '/admin/icon.svg');
  await editor.getByText('Buttons', { exact: true }).click();
  for (const [at, label] of ['Approve', 'Reject'].entries()) {
    await editor.getByRole('button', { name: 'Add action' }).click();
    const row = editor.getByRole('group', { name: 'Action', exact: true }).nth(at);
    await row.getByRole('textbox', { name: 'Label' }).fill(label);
    await row.getByRole('textbox', { name: 'URL' }).fill(`/refunds/{id}/${label.toLowerCase()}`);
  }
  assert.equal(await editor.getByRole('button', { name: 'Add action' }).isVisible(), false);
  await editor.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'REFUND_ASKED' }).waitFor();
  const type = await api('GET', 'types/REFUND_ASKED');
  assert.equal(type.category, 'Refunds');
  assert.equal(type.rich, true);
  assert.deepEqual(
    type.actions.map(({ label, primary }) => [label, primary]),
    [
      ['Approve', true],
      ['Reject', false],
    ],
  );
  assert.deepEqual(
    page.troubles.filter((line) => !/status of 400/.test(line)),
    [],
  );
});

test('a CSV file is checked before it is imported', async () => {
  const page = await openPage(browser, hub, `${as}#directory/import`);
  const csv = 'user_id,name,timezone\nc1,Citra,Asia/Jakarta\nc2,Dewi,Mars\nc3,Eka,\n';
  await page.getByLabel(/^Upload users/).setInputFiles({
    name: 'people.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(csv),
  });
  const section = page.getByRole('region', { name: 'Import', exact: true });
  await section.getByText('people.csv: what the import would do').waitFor();
  assert.match(await section.locator('.tiles').textContent(), /2created.*0changed/);
  assert.match(await section.locator('tbody tr').textContent(), /^Line 3, column 3.*Mars/);
  assert.equal((await api('GET', 'directory?q=Citra')).users.length, 0, 'nothing is stored yet');
  assert.deepEqual(await violations(page), []);
  await picture(page, 'import');
  await section.getByRole('button', { name: 'Import', exact: true }).click();
  await section.getByText('people.csv is imported').waitFor();
  assert.equal((await api('GET', 'directory?q=Citra')).users.length, 1);
  assert.deepEqual(page.troubles, []);
});

test('the configuration tells where each value comes from', async () => {
  const page = await openPage(browser, hub, `${as}#configuration`);
  await page.getByRole('searchbox', { name: 'Search the configuration' }).fill('per_user_per_min');
  const rows = page.getByRole('region', { name: 'Effective values' }).locator('tbody tr');
  await until('one is left', async () => (await rows.count()) === 1);
  assert.match(await rows.textContent(), /77LONCENG_LIMITS__PER_USER_PER_MINUTE/);
  await page.getByRole('searchbox', { name: 'Search the configuration' }).fill('explain.days');
  await until('another', async () => /explain\.days/.test(await rows.first().textContent()));
  assert.deepEqual(await violations(page), []);
  await picture(page, 'values');
  assert.deepEqual(page.troubles, []);
});

test('the command palette finds pages, types and users by keyboard', async () => {
  const page = await openPage(browser, hub, as);
  await h1(page, 'Overview').waitFor();
  await page.keyboard.press('Control+k');
  const search = page.getByRole('combobox', { name: 'Search' });
  await search.fill('refund_app');
  await page.getByRole('option', { name: /REFUND_APPROVED/ }).waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'palette');
  await page.keyboard.press('Enter');
  await h1(page, 'REFUND_APPROVED').waitFor();
  await page.keyboard.press('Control+k');
  await search.fill('budi');
  await page.getByRole('option', { name: /budi/ }).click();
  await h1(page, 'Inbox of a user').waitFor();
  assert.match(page.url(), /#inbox\/budi$/);
  assert.deepEqual(page.troubles, []);
});

test('times, theme and language are switched and kept', async () => {
  const page = await openPage(browser, hub, `${as}#activity`, { timezoneId: 'Asia/Jakarta' });
  const time = page.locator('tbody time').first();
  const local = await time.textContent();
  const from = page.getByLabel('From', { exact: true });
  await from.fill('2020-01-01T15:00');
  await page.getByRole('combobox', { name: 'Times' }).selectOption('utc');
  assert.equal(await from.inputValue(), '2020-01-01T08:00', 'the same time');
  assert.match(await time.textContent(), /UTC$/);
  assert.notEqual(await time.textContent(), local);
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark');
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  assert.equal(await scheme(), 'dark');
  await page.reload();
  await time.waitFor();
  assert.match(await time.textContent(), /UTC$/);
  assert.equal(await scheme(), 'dark');
  assert.deepEqual(page.troubles, []);
});

/** Waits until a page of the console has not changed for a moment, and at most ten seconds. */
async function settled(page) {
  await page.locator('#page h1').waitFor();
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        let quiet = setTimeout(resolve, 400);
        setTimeout(resolve, 10_000);
        new MutationObserver(() => {
          clearTimeout(quiet);
          quiet = setTimeout(resolve, 400);
        }).observe(document.body, { childList: true, subtree: true, characterData: true });
      }),
  );
}

const PAGES = ['overview', 'activity', 'inbox/budi', 'explain/e-1', 'dead-letters', 'deliveries'];
PAGES.push('types', 'types/NOTE_CREATED', 'new-type', 'send', 'clients', 'directory');
PAGES.push('configuration', 'audit');

for (const [name, options] of Object.entries({
  'light, en': { colorScheme: 'light' },
  'dark, id': { colorScheme: 'dark', locale: 'id-ID' },
  'forced colors, en': { forcedColors: 'active' },
})) {
  test(`axe finds nothing on any page: ${name}`, async () => {
    const page = await openPage(browser, hub, as, options);
    for (const hash of PAGES) {
      await page.evaluate((to) => (location.hash = to), hash);
      await until(hash, () => page.evaluate((to) => location.hash.startsWith(`#${to}`), hash));
      await settled(page);
      assert.deepEqual(await violations(page), [], hash);
    }
    assert.deepEqual(page.troubles, []);
  });
}
