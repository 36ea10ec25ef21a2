// Changes in the console ask first and are audited; what the hub says is shown in the language.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

let hub;
let browser;

before(async () => {
  hub = await Hub.start({ env: { LONCENG_LIMITS__PER_USER_PER_MINUTE: '77' } });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

const as = '/admin?user_id=9&login=ratna&role=admin';

const api = (method, address, body) => hub.api(method, `/api/v1/admin/${address}`, body);
const picture = (page, name) => shot(page, `console-${name}`);
const h1 = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

/** Answers the next questions of a page, and returns them. */
function answering(page, yes) {
  const asked = { all: [], yes };
  page.on('dialog', (question) => {
    asked.all.push(question.message());
    return asked.yes ? question.accept() : question.dismiss();
  });
  return asked;
}

test('disconnecting asks first, and is in the audit with the name of the administrator', async () => {
  await openPage(browser, hub, '/?user_id=budi&login=budi&role=user');
  await until('budi is connected', async () => (await api('GET', 'users')).total_count === 1);
  const page = await openPage(browser, hub, `${as}#clients`);
  const asked = answering(page, false);
  const button = page.getByRole('button', { name: /Disconnect budi/ });
  await button.click();
  await until('it asks', () => asked.all.length === 1);
  assert.match(asked.all[0], /^Disconnect budi\?/);
  assert.equal((await api('GET', 'users')).total_count, 1, 'nothing is done');
  asked.yes = true;
  await button.click();
  await page.getByText('budi is disconnected.').waitFor();
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  const entry = page.getByRole('article', { name: 'Connection closed user:budi' });
  await entry.getByText('by ratna (9)').waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'audit-clients');
  assert.deepEqual(page.troubles, []);
});

test('a complete file shows whom it removes, and asks before it does', async () => {
  const lines = (count) => Array.from({ length: count }, (_, n) => `m${n},Member ${n}`).join('\n');
  const page = await openPage(browser, hub, `${as}#directory/import`);
  const section = page.getByRole('region', { name: 'Import', exact: true });
  const choose = (name, text) =>
    page.getByLabel(/^Upload users/).setInputFiles({
      name,
      mimeType: 'text/csv',
      buffer: Buffer.from(`user_id,name\n${text}\n`),
    });
  await choose('first.csv', lines(3));
  await section.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByText('3 users imported.').waitFor();
  const { total_count: before } = await api('GET', 'directory');

  await choose('second.csv', `9,Ratna\n${lines(2)}`);
  await section.getByText('second.csv: what the import would do').waitFor();
  assert.equal(await section.getByText('removed').count(), 0);
  const complete = section.getByRole('checkbox', { name: /^The file is complete/ });
  // The same file is checked again when the choice changes.
  await complete.check();
  const run = section.getByRole('button', { name: /^Import and remove/ });
  await run.waitFor();
  const removed = section.getByRole('region', { name: 'Users who would be removed' });
  await removed.getByRole('cell', { name: 'm2', exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'import-complete');
  const asked = answering(page, false);
  await run.click();
  await until('it asks', () => asked.all.length === 1);
  assert.match(asked.all[0], /^Remove \d+ users? from the directory\?/);
  assert.equal((await api('GET', 'directory')).total_count, before, 'nothing is done');
  asked.yes = true;
  await run.click();
  await section.getByText('second.csv is imported').waitFor();
  const { users } = await api('GET', 'directory');
  assert.deepEqual(
    users.map((user) => user.user_id),
    ['9', 'm0', 'm1'],
  );
  assert.equal(await complete.isChecked(), false);

  // The user of a line with an error would be removed.
  await complete.check();
  await page.getByLabel(/^Upload users/).setInputFiles({
    name: 'third.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('user_id,timezone\nm0,Mars\n9,\n'),
  });
  await section.getByText('Correct the line with an error first').waitFor();
  await section.getByText('1 line is invalid and is left out.').waitFor();
  const bad = section.getByRole('region', { name: 'Lines that are left out' });
  assert.match(
    await bad.locator('tbody tr').textContent(),
    /^Line 2, column 2 \(timezone\)Time zone: "Mars" is no IANA/,
  );
  assert.equal(await section.getByRole('button', { name: /^Import/ }).isDisabled(), true);
  assert.deepEqual(page.troubles, []);
});

test('what the hub says is in the language of the console', async () => {
  await hub.publish({ type: 'NOTE_CREATD', event_id: 'r-1', user_id: 'budi' });
  await hub.api('PUT', '/api/v1/preferences?user_id=budi', { muted_types: ['NOTE_UPDATED'] });
  await hub.publish({ type: 'NOTE_UPDATED', event_id: 'r-2', user_id: 'budi', title: 'x' });
  await fetch(`${hub.base}/api/v1/events`, { method: 'POST', body: '{}' });
  const page = await openPage(browser, hub, `${as}#activity`, { locale: 'id-ID' });
  await page.getByText('tidak ada jenis NOTE_CREATD; mungkin maksudnya NOTE_CREATED?').waitFor();
  await page.getByText('semua penerima membisukan jenis itu').waitFor();
  await page.getByText('peristiwa tidak menyebut jenis; tambahkan "type"').waitFor();
  await page.getByRole('cell', { name: 'ditolak' }).waitFor();
  await page.getByText(/10\.000 peristiwa terakhir/).waitFor();
  await picture(page, 'activity-id');

  await page.goto(`${hub.base}${as}#inbox/budi`);
  await h1(page, 'Kotak masuk pengguna').waitFor();
  await page.getByRole('article', { name: 'r-2' }).getByText('dilewati').waitFor();
  const shade = (name) =>
    page.getByRole('article', { name }).locator('.badge').first().getAttribute('class');
  assert.match(await shade('r-2'), /warn/, 'the colour of the page Activity');

  await page.goto(`${hub.base}${as}#directory`);
  await page.getByRole('button', { name: 'Pengguna baru' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('ID', { exact: true }).fill('ani');
  await dialog.getByLabel('Zona waktu').fill('Mars');
  await dialog.getByRole('button', { name: 'Simpan' }).click();
  const text = '"Mars" bukan zona waktu IANA, misalnya "Asia/Jakarta"';
  await dialog.locator('.error').filter({ hasText: text }).waitFor();
  await page
    .locator('#said')
    .filter({ hasText: `Zona waktu: ${text}` })
    .waitFor();

  const stranger = await openPage(browser, hub, '/admin?user_id=budi', { locale: 'id-ID' });
  await stranger.getByText('mengelola memerlukan peran admin').waitFor();
  assert.deepEqual(
    page.troubles.filter((line) => !/status of 400/.test(line)),
    [],
  );
});

test('a trace leads back to the filters of the activity', async () => {
  const page = await openPage(browser, hub, `${as}#activity/outcome=skipped&user=budi`);
  await page.locator('tbody tr').first().click();
  await h1(page, 'Explain').waitFor();
  await page.getByRole('link', { name: '← Activity' }).click();
  await h1(page, 'Activity').waitFor();
  assert.match(page.url(), /#activity\/user=budi&outcome=skipped$/);
  assert.equal(await page.getByRole('combobox', { name: 'Outcome' }).inputValue(), 'skipped');
  assert.deepEqual(page.troubles, []);
});

test('values are found by their source, and an empty one is not set', async () => {
  const page = await openPage(browser, hub, `${as}#configuration`);
  const search = page.getByRole('searchbox', { name: 'Search the configuration' });
  const rows = page.getByRole('region', { name: 'Effective values' }).locator('tbody tr');
  for (const word of ['environment', 'lonceng_limits__per_user']) {
    await search.fill(word);
    await until(word, async () =>
      (await rows.allTextContents()).some((row) => /^limits\.per_user_per_minute77/.test(row)),
    );
  }
  await search.fill('auth.jwt_secret');
  await until('it is not set', async () =>
    /^auth\.jwt_secretnot set/.test((await rows.first().textContent()) ?? ''),
  );
  assert.deepEqual(page.troubles, []);
});

test('the palette offers an unknown user as an exact ID only', async () => {
  await api('PUT', 'directory/siti', { login: 'siti' });
  const page = await openPage(browser, hub, as);
  await h1(page, 'Overview').waitFor();
  await page.keyboard.press('Control+k');
  const search = page.getByRole('combobox', { name: 'Search' });
  await search.fill('siti');
  await page.getByRole('option', { name: /^siti · siti ?User$/ }).waitFor();
  assert.equal(await page.getByRole('option', { name: /^Open the inbox/ }).count(), 0);
  await search.fill('nobody');
  const exact = page.getByRole('option', { name: /^Open the inbox of the user ID “nobody”/ });
  await exact.getByText('not in the directory').waitFor();
  assert.equal(await page.getByRole('listbox', { name: 'Results' }).getByRole('option').count(), 1);
  await exact.click();
  await h1(page, 'Inbox of a user').waitFor();
  assert.match(page.url(), /#inbox\/nobody$/);
  assert.deepEqual(page.troubles, []);
});

test('the audit of a replay shows what became of the event', async () => {
  const page = await openPage(browser, hub, as);
  const entry = {
    id: '0199a000-0000-7000-8000-000000000001',
    at: '2026-01-02T03:04:05Z',
    who: '9',
    who_login: 'ratna',
    who_name: 'Ratna',
    action: 'dead_letter.replayed',
    subject: 'dead-letter:1',
    before: { id: '1', kind: 'template', reason: 'no title', payload: '{}' },
    after: { id: '1', outcome: 'accepted', notification_ids: ['n-1'] },
  };
  await page.route('**/api/v1/admin/audit?**', (route) =>
    route.fulfill({ json: { entries: [entry], next_cursor: null } }),
  );
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  const card = page.getByRole('article');
  await card.getByText('by Ratna (9)').waitFor();
  const lines = card.locator('.changes li');
  assert.deepEqual(await lines.allTextContents(), ['outcome: accepted', 'notification_ids: n-1']);
  assert.deepEqual(page.troubles, []);
});

const said = (page, text) => page.locator('#said').filter({ hasText: text }).waitFor();

test('the form of a user keeps what it does not show, and a new user replaces nobody', async () => {
  const tono = {
    name: 'Tono',
    email: 'tono@example.com',
    email_verified: false,
    addresses: { phone: '+62 1' },
  };
  await api('PUT', 'directory/tono', tono);
  const page = await openPage(browser, hub, `${as}#directory`);
  await page.getByRole('searchbox', { name: 'Search the directory' }).fill(' tono ');
  const dialog = page.getByRole('dialog');
  const edit = async (field, value) => {
    await page.getByRole('button', { name: 'Edit tono' }).click();
    await dialog.getByLabel(field).fill(value);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await said(page, 'tono is saved.');
    return api('GET', 'directory/tono');
  };
  const kept = await edit('Roles', 'member');
  assert.deepEqual(kept, { ...kept, ...tono, roles: ['member'] });
  // Another address is not known to be the user's.
  const moved = await edit('E-mail', 'tono@example.org');
  assert.deepEqual([moved.email_verified, moved.addresses], [undefined, tono.addresses]);

  await page.getByRole('button', { name: 'New user' }).click();
  await dialog.getByLabel('ID', { exact: true }).fill('tono');
  await dialog.getByLabel('Name').fill('Another');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await said(page, 'There is a user tono already; edit them in the list.');
  assert.deepEqual(await api('GET', 'directory/tono'), moved);
  await dialog.getByLabel('ID', { exact: true }).fill('tono2');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await said(page, 'tono2 is saved.');
  assert.equal((await api('GET', 'directory/tono2')).name, 'Another');
  assert.deepEqual(
    page.troubles.filter((line) => !/status of 412/.test(line)),
    [],
  );
});

test('what somebody else has changed meanwhile is not overwritten', async () => {
  await api('PUT', 'directory/wati', { name: 'Wati' });
  const preferences = '/api/v1/preferences?user_id=wati';
  const page = await openPage(browser, hub, `${as}#inbox/wati`);
  const asked = answering(page, true);
  const dialog = page.getByRole('dialog', { name: 'Preferences of wati' });
  const quiet = async () => {
    await page.getByRole('button', { name: 'Edit preferences' }).click();
    await dialog.getByLabel('From').fill('22:00');
    await dialog.getByLabel('Until').fill('07:00');
  };
  await quiet();
  await hub.api('PUT', preferences, { muted_types: ['NOTE_CREATED'] });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await said(page, 'These preferences were changed in the meantime.');
  assert.deepEqual((await hub.api('GET', preferences)).muted_types, ['NOTE_CREATED']);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await quiet();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await said(page, 'The preferences of wati are saved.');
  const { muted_types: muted, quiet_hours: hours } = await hub.api('GET', preferences);
  assert.deepEqual([muted, hours], [['NOTE_CREATED'], { from: '22:00', to: '07:00' }]);

  await api('PATCH', 'types/NOTE_CREATED', { priority: 'HIGH' });
  await page.goto(`${hub.base}${as}#types/NOTE_CREATED`);
  const reset = page.getByRole('button', { name: 'Reset to config.toml' });
  await reset.waitFor();
  await api('PATCH', 'types/NOTE_CREATED', { category: 'Notes' });
  await reset.click();
  await said(page, 'Somebody else saved this type in the meantime.');
  assert.equal((await api('GET', 'types/NOTE_CREATED')).category, 'Notes');
  await api('DELETE', 'types/NOTE_CREATED/override');
  assert.equal(asked.all.length, 2);
  assert.deepEqual(
    page.troubles.filter((line) => !/status of 412/.test(line)),
    [],
  );
});

test('an inbox shows the events that did not reach its own user', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  const trace = (id, recipients) => ({
    event_id: id,
    code: 'NOTE_CREATED',
    source: 'http',
    received_at: '2026-01-01T00:00:00Z',
    outcome: 'accepted',
    reached_count: 9,
    muted_count: 3,
    failed_count: 1,
    recipients: recipients.map((outcome) => ({ user_id: 'wati', outcome, live: {} })),
  });
  let events = [trace('got', ['stored']), trace('failed', ['failed']), trace('mute', ['muted'])];
  await page.route('**/admin/explain?**', async (route) => {
    const response = await route.fetch();
    const json = { ...(await response.json()), events, incomplete: ['hub-2'] };
    await route.fulfill({ response, json });
  });
  await page.evaluate(() => (location.hash = 'inbox/wati'));
  await page.getByRole('article', { name: 'failed' }).waitFor();
  await page.getByRole('article', { name: 'mute' }).waitFor();
  assert.equal(await page.getByRole('article').count(), 2);
  await page.getByText('No answer from: hub-2.').waitFor();
  events = [trace('got', ['stored'])];
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('None among the latest 50 events of this user.').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole('main').getByRole('link', { name: 'Activity' }).click();
  await h1(page, 'Activity').waitFor();
  assert.match(page.url(), /#activity\/user=wati$/);
  assert.deepEqual(page.troubles, []);
});
