// Texts of types in the console: languages, e-mails, test data and warnings.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

let hub;
let browser;

before(async () => {
  hub = await Hub.start();
  browser = await launch();
  for (const [user, locale] of [
    ['rina', 'id-ID'],
    ['ana', 'pt'],
  ])
    await api('PUT', `directory/${user}`, { login: user, locale });
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

const as = '/admin?user_id=9&login=ratna&role=admin';
const api = (method, address, body) => hub.api(method, `/api/v1/admin/${address}`, body);
const editor = (page) => page.locator('form.editor');
const preview = (page) => editor(page).locator('.preview');
const saidBy = (page) => page.locator('#said').textContent();
const latest = async (user) =>
  (await hub.api('GET', `/api/v1/notifications?user_id=${user}`)).items[0];

/** Waits until the result of the preview matches. */
const previews = (page, pattern) =>
  until(`the preview shows ${pattern}`, async () =>
    pattern.test(await preview(page).textContent()),
  );

/** Opens the editor of a type. */
async function edit(code, options) {
  const page = await openPage(browser, hub, `${as}#types/${code}`, options);
  await page.getByRole('heading', { level: 1, name: code }).waitFor();
  return page;
}

/** Closes a page, which must not have reported errors. */
async function done(page) {
  const expected = /status of (400|404)/;
  assert.deepEqual(
    page.troubles.filter((line) => !expected.test(line)),
    [],
  );
  await page.context().close();
}

test('a translation is written by keyboard, previewed, saved and used', async () => {
  const page = await edit('NOTE_UPDATED');
  const tabs = page.getByRole('tab');
  assert.deepEqual(await tabs.allTextContents(), ['Default', 'Indonesia', 'português']);
  await tabs.first().focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await tabs.nth(1).getAttribute('aria-selected'), 'true');
  const panel = page.getByRole('tabpanel');
  await panel.getByText('1 user has this language. Not translated yet').waitFor();
  await previews(page, /You updated the note/);
  const title = page.getByRole('textbox', { name: 'Title' });
  assert.equal(await title.inputValue(), '');
  assert.notEqual(await title.getAttribute('placeholder'), '');
  assert.deepEqual(await violations(page), []);
  await shot(page, 'texts-untranslated');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  assert.ok(await title.evaluate((one) => one === document.activeElement));
  await page.keyboard.type('Catatan diubah');
  await page.keyboard.press('Tab');
  await page.keyboard.type('Anda mengubah "{title}"');
  await previews(page, /Catatan diubah.*Anda mengubah/);
  await until('the note is gone', () => panel.getByText('Not translated yet').isHidden());
  await title.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('switch', { name: 'NOTE_UPDATED' }).waitFor();
  const type = await api('GET', 'types/NOTE_UPDATED');
  const expected = { id: { title: 'Catatan diubah', template: 'Anda mengubah "{title}"' } };
  assert.deepEqual(type.translations, expected);
  await hub.publish({ type: 'NOTE_UPDATED', user_id: 'rina', title: 'Teh' });
  assert.equal((await latest('rina')).message, 'Anda mengubah "Teh"');
  await api('DELETE', 'types/NOTE_UPDATED/override');
  await done(page);
});

test('the text of a file is shown, replaced, and used again after a reset', async () => {
  const file = (await api('GET', 'types/NOTE_CREATED')).file_translations.id.template;
  const page = await edit('NOTE_CREATED');
  await page.getByRole('tab', { name: 'Indonesia' }).click();
  const text = page.getByRole('textbox', { name: 'Text' });
  assert.equal(await text.inputValue(), file);
  await page.getByText('From the file id/NOTE_CREATED.txt.').waitFor();
  await text.fill('Baru: {title}');
  await page.getByText('Replaces the file id/NOTE_CREATED.txt.').waitFor();
  await previews(page, /Baru: /);
  await shot(page, 'texts-replaced');
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'NOTE_CREATED' }).waitFor();
  const { translations } = await api('GET', 'types/NOTE_CREATED');
  assert.deepEqual(translations, { id: { template: 'Baru: {title}' } });

  page.on('dialog', (question) => question.accept());
  await page.getByRole('link', { name: 'Edit NOTE_CREATED' }).click();
  await editor(page).getByRole('button', { name: 'Reset to config.toml' }).click();
  await page.getByRole('switch', { name: 'NOTE_CREATED' }).waitFor();
  assert.deepEqual((await api('GET', 'types/NOTE_CREATED')).translations, {});
  await done(page);
});

test('a language is added, and an error names it as the form does', async () => {
  const page = await edit('NOTE_DELETED');
  await page.getByRole('button', { name: 'Add a language' }).click();
  const locale = page.getByRole('textbox', { name: 'Code of the language' });
  await locale.fill('not a locale');
  await page.keyboard.press('Enter');
  assert.equal(await locale.evaluate((one) => one.validity.valid), false);
  await locale.fill('de');
  await page.keyboard.press('Enter');
  const tab = page.getByRole('tab', { name: 'Deutsch' });
  assert.equal(await tab.getAttribute('aria-selected'), 'true');
  await page.keyboard.type('Notiz gelöscht');
  const text = page.getByRole('textbox', { name: 'Text' });
  await text.fill('{title|nofilter}');
  await page.getByRole('tab', { name: 'Default' }).click();
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await until('the error names language and label', async () =>
    /Deutsch, Text: line 1: .*nofilter/.test(await saidBy(page)),
  );
  assert.equal(await tab.getAttribute('aria-selected'), 'true', 'its tab is shown');
  assert.equal(await text.getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await violations(page), []);
  await done(page);
});

test('a translation that needs another field warns before it is saved', async () => {
  const page = await edit('NOTE_DELETED');
  await page.getByRole('tab', { name: 'Indonesia' }).click();
  await page.getByRole('textbox', { name: 'Text' }).fill('{judul} dihapus');
  await page.getByRole('tab', { name: 'Default' }).click();
  const warnings = page.getByRole('list', { name: 'Warnings' });
  await warnings.getByText('need judul').waitFor();
  await shot(page, 'texts-warning');
  assert.deepEqual(await violations(page), []);
  const asked = [];
  let answer = false;
  page.on('dialog', (question) => {
    asked.push(question.message());
    return answer ? question.accept() : question.dismiss();
  });
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await until('it asks', () => asked.length === 1);
  assert.match(asked[0], /Indonesia: .*need judul[^]*Save anyway\?/);
  answer = true;
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'NOTE_DELETED' }).waitFor();

  // The error says where the text is.
  const event = { type: 'NOTE_DELETED', user_id: 'rina', title: 'Teh' };
  const refused = await hub.api('POST', '/api/v1/events', event);
  assert.match(refused.detail, /judul.*\(message, locale id, table\)/);
  await api('DELETE', 'types/NOTE_DELETED/override');
  await done(page);
});

test('a dead letter leads to its type', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  const letter = { id: 'x', kind: 'template', source: 'nats', subject: 'events.note.deleted' };
  const members = { received_at: '2026-01-01T00:00:00Z', payload: '{}', reason: 'no title' };
  const letters = [{ ...letter, ...members, truncated: false, type_code: 'NOTE_DELETED' }];
  await page.route(/\/dead-letters\?/, (route) =>
    route.fulfill({ json: { dead_letters: letters, next_cursor: null, total_count: 1 } }),
  );
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  await page.getByRole('article').getByRole('link', { name: 'Edit NOTE_DELETED' }).click();
  await page.getByRole('heading', { level: 1, name: 'NOTE_DELETED' }).waitFor();
  await done(page);
});

test('a new type begins without an error, and the test data follow its texts', async () => {
  const page = await openPage(browser, hub, `${as}#new-type`);
  await page.getByText('The preview appears when Title is filled in.').waitFor();
  const fill = (name, value) => editor(page).getByRole('textbox', { name }).fill(value);
  await fill('Code', 'PAID');
  await fill('Title', 'Payment');
  await page.getByText('The preview appears when Text is filled in.').waitFor();
  assert.equal(await editor(page).locator('.error').count(), 0);
  await fill('Text', '{who} paid {amount|currency("IDR")} for {order.id}');
  await previews(page, /Budi paid Rp100\.000 for 42/);
  await shot(page, 'texts-new');
  for (const name of ['Role', 'Users'])
    assert.equal(await editor(page).getByRole('textbox', { name, exact: true }).count(), 0);
  await editor(page).getByRole('combobox', { name: 'Recipients' }).selectOption('ROLE');
  await editor(page).getByRole('textbox', { name: 'Role' }).waitFor();
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await until('the error has a label', async () => /Recipients: /.test(await saidBy(page)));
  await editor(page).getByRole('combobox', { name: 'Recipients' }).selectOption('SELF');

  await editor(page).getByRole('button', { name: 'Send to me' }).click();
  await until('it says what happened', async () =>
    /Sent to 9 as MESSAGE\. It is in the bell of your site\./.test(await saidBy(page)),
  );
  assert.equal((await latest('9')).message, 'Budi paid Rp100.000 for 42');
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'PAID' }).waitFor();
  await page.getByRole('link', { name: 'Edit PAID' }).click();
  await previews(page, /Budi paid/);
  await editor(page).getByRole('button', { name: 'Send to me' }).click();
  const trace = page.locator('#said').getByRole('link', { name: 'What happened to it' });
  await trace.waitFor();
  const said = await page.locator('#said').boundingBox();
  const bar = await editor(page).locator('.foot').boundingBox();
  assert.ok(said.y + said.height <= bar.y, 'the buttons are not covered');
  await shot(page, 'texts-sent');
  await trace.click();
  await page.getByText('PAID', { exact: true }).first().waitFor();
  await api('DELETE', 'types/PAID');
  await done(page);
});

test('the test data are those of the latest event until something is typed', async () => {
  await hub.publish({ type: 'NOTE_CREATED', user_id: 'budi', title: 'Real tea' });
  const page = await edit('NOTE_CREATED');
  await previews(page, /Real tea/);
  const data = page.getByRole('textbox', { name: 'Test data' });
  await until('they are shown', async () => /Real tea/.test(await data.inputValue()));
  await data.fill('{ "title": "Typed" }');
  await previews(page, /Typed/);
  assert.equal(await page.getByLabel('Recent event').inputValue(), '');
  await done(page);
});

test('an e-mail is written and previewed, and loads nothing', async () => {
  const page = await edit('NOTE_DELETED');
  await page.getByRole('tabpanel').getByText('E-mail', { exact: true }).click();
  await page.getByRole('textbox', { name: 'Subject' }).fill('About {title}');
  const html = '<p style="color:#a00">{title}</p><img src="https://elsewhere.example/a.png">';
  await page.getByRole('textbox', { name: 'HTML' }).fill(html);
  const mail = page.locator('details.mail');
  // Fields of the notification come before those of the event.
  await mail.getByText('E-mail: About Note deleted').waitFor();
  const paragraph = mail.locator('iframe').contentFrame().locator('p');
  await until('the HTML is shown', async () => (await paragraph.textContent()) === 'Note deleted');
  assert.equal(await mail.locator('iframe').getAttribute('sandbox'), '');
  await shot(page, 'texts-mail');
  await page.getByRole('textbox', { name: 'Subject' }).fill('{% if %}');
  await page.locator('.field .error').first().waitFor();
  await previews(page, /^Subject: line 1/);
  await page.getByRole('textbox', { name: 'Subject' }).fill('About {title}');
  await editor(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'NOTE_DELETED' }).waitFor();
  const { email } = await api('GET', 'types/NOTE_DELETED');
  assert.deepEqual(email, { subject: 'About {title}', html });
  await api('DELETE', 'types/NOTE_DELETED/override');
  page.troubles = page.troubles.filter((line) => !/elsewhere\.example/.test(line));
  await done(page);
});

for (const colorScheme of ['light', 'dark'])
  test(`at 360 pixels the bar is one line and hides no field: ${colorScheme}`, async () => {
    const page = await edit('NOTE_CREATED', { viewport: { width: 360, height: 740 }, colorScheme });
    const foot = editor(page).locator('.foot');
    await until('the preview is there', async () => (await preview(page).textContent()) !== '');
    const { height } = await foot.boundingBox();
    assert.ok(height < 64, `${height} pixels`);
    for (const name of ['Save', 'Preview', 'Send to me'])
      assert.ok(await foot.getByRole('button', { name }).isVisible(), name);
    for (let n = 0; n < 30; n += 1) {
      await page.keyboard.press('Tab');
      const hidden = await page.evaluate(() => {
        const [one, bar] = [document.activeElement, document.querySelector('.editor > .foot')];
        if (!one?.closest('.editor') || bar?.contains(one)) return '';
        const { bottom, height: size } = one.getBoundingClientRect();
        const top = bar.getBoundingClientRect().top;
        return bottom > top + 1 && size < 200 ? (one.outerHTML ?? '').slice(0, 120) : '';
      });
      assert.equal(hidden, '');
    }
    assert.deepEqual(await violations(page), []);
    await shot(page, `texts-narrow-${colorScheme}`);
    await done(page);
  });
