// All pages of the console.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
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

const api = (method, address, body) => hub.api(method, `/api/v1/admin/${address}`, body);
const picture = (page, name) => shot(page, `console-${name}`);

/** Opens a page by its link. */
async function go(page, name) {
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

test('a type is switched off, created with a live preview, and used', async () => {
  const page = await openPage(browser, hub, as);
  await go(page, 'Types');
  const toggle = page.getByRole('switch', {
    name: 'NOTE_CREATED',
    exact: true,
  });
  await toggle.waitFor();
  assert.equal(await toggle.getAttribute('aria-checked'), 'true');
  await toggle.click();
  await until('it is off', async () => !(await api('GET', 'types/NOTE_CREATED')).is_active);
  await until('it shows so', async () => (await toggle.getAttribute('aria-checked')) === 'false');
  assert.equal((await api('GET', 'types/NOTE_CREATED')).changed_by, '9');
  await picture(page, 'types');
  assert.deepEqual(await violations(page), []);
  await page.getByRole('searchbox').fill('refund_app');
  await until('one is left', async () => (await page.getByRole('switch').count()) === 1);
  await page.getByRole('searchbox').fill('');

  await page.getByRole('link', { name: 'New type' }).click();
  const editor = page.locator('form.editor');
  await editor.getByRole('textbox', { name: 'Code' }).fill('ORDER_SHIPPED');
  await editor.getByRole('textbox', { name: 'Title' }).fill('On its way');
  await editor
    .getByRole('textbox', { name: 'Text' })
    .fill('Order {order_id} is on its way, {amount|currency("IDR")}');
  await editor
    .getByRole('textbox', { name: 'Test data' })
    .fill('{ "order_id": "A7", "amount": 125000 }');
  await until('the preview follows', async () =>
    (await editor.locator('.preview').textContent()).includes('Order A7 is on its way, Rp125.000'),
  );
  await picture(page, 'editor');
  assert.deepEqual(await violations(page), []);
  await editor.getByRole('textbox', { name: 'Text' }).fill('Order {order_id|nofilter}');
  await until('what is wrong is said', async () =>
    (await editor.locator('.preview').textContent()).includes('nofilter'),
  );
  await editor.getByRole('button', { name: 'Save' }).click();
  await until('it is not saved', async () =>
    (await page.locator('#said').textContent()).includes('nofilter'),
  );
  await editor.getByRole('textbox', { name: 'Text' }).fill('Order {order_id} is on its way');
  await editor.getByRole('button', { name: 'Preview' }).click();
  await editor.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'ORDER_SHIPPED' }).waitFor();
  await hub.publish({ type: 'ORDER_SHIPPED', user_id: 'budi', order_id: 'B1' });
  const inbox = await (await fetch(`${hub.base}/api/v1/notifications?user_id=budi`)).json();
  assert.equal(inbox.items[0].message, 'Order B1 is on its way');

  // Another administrator saves the type meanwhile.
  await page.getByRole('link', { name: 'Edit ORDER_SHIPPED' }).click();
  // Not before the editor has its own copy: it would read what the other one saves.
  await until('the type is loaded', async () => {
    const title = editor.getByRole('textbox', { name: 'Title' });
    return (await title.count()) === 1 && (await title.inputValue()) === 'On its way';
  });
  await api('PATCH', 'types/ORDER_SHIPPED', { display_name: 'Shipped' });
  await editor.getByRole('textbox', { name: 'Title' }).fill('Mine');
  await editor.getByRole('button', { name: 'Save' }).click();
  await until('the second is told', async () =>
    (await page.locator('#said').textContent()).includes('Somebody else'),
  );
  // Leaving the page asks before it discards changes.
  const asked = [];
  let answer = false;
  page.on('dialog', (question) => {
    asked.push(question.message());
    return answer ? question.accept() : question.dismiss();
  });
  await page.getByRole('link', { name: 'Clients', exact: true }).click();
  await until('it asks', () => asked.length === 1);
  assert.equal(await editor.getByRole('textbox', { name: 'Title' }).inputValue(), 'Mine');
  assert.match(page.url(), /#types\/ORDER_SHIPPED$/);
  answer = true;
  await editor.getByRole('link', { name: 'Close' }).click();
  await page.getByRole('link', { name: 'Edit ORDER_SHIPPED' }).click();
  await editor.waitFor();
  await editor.getByRole('link', { name: 'Close' }).click();
  await page.getByRole('switch', { name: 'ORDER_SHIPPED' }).waitFor();
  assert.equal(asked.length, 2, 'nothing was typed, so nobody is asked');
  // Return a type to the file.
  await page.getByRole('link', { name: 'Edit NOTE_CREATED' }).click();
  await editor.getByRole('button', { name: 'Reset to config.toml' }).click();
  await until(
    "it is the file's",
    async () => (await api('GET', 'types/NOTE_CREATED')).origin === 'config',
  );
  assert.deepEqual(
    page.troubles.filter((text) => !/status of (400|412)/.test(text)),
    [],
  );
});

test('clients, sending, the directory, dead letters, configuration, audit and overview', async () => {
  const bell = await openPage(browser, hub, '/?user_id=budi&login=budi&role=user');
  await until('budi is connected', async () => (await api('GET', 'users')).total_count === 1);
  const page = await openPage(browser, hub, as);
  await until('it is drawn', async () => (await page.locator('.tile').count()) >= 6);
  assert.deepEqual(await violations(page), []);
  await picture(page, 'overview');

  await go(page, 'Send');
  await page.getByRole('combobox', { name: 'Recipients' }).selectOption('connected');
  await until('it counts first', async () => (await page.getByText('1 recipient.').count()) === 1);
  await page.getByLabel('Message').fill('The lesson begins <b>now</b>');
  page.once('dialog', (question) => question.accept());
  await page.getByRole('button', { name: 'Send' }).click();
  await bell.locator('lonceng-bell .toast .text').waitFor();
  assert.match(
    await bell.locator('lonceng-bell .toast .text').textContent(),
    /The lesson begins <b>now<\/b>/,
  );
  assert.deepEqual(await violations(page), []);
  await picture(page, 'send');

  await go(page, 'Clients');
  const row = page.getByRole('row', { name: /budi/ });
  await row.waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'clients');
  page.once('dialog', (question) => question.accept());
  await row.getByRole('button', { name: /Disconnect budi/ }).click();
  await until('nobody is connected', async () => (await api('GET', 'clients')).total_count === 0);

  await go(page, 'Directory');
  await page.getByRole('button', { name: 'New user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('ID').fill('ani');
  await dialog.getByLabel('Roles').fill('moderator, teacher');
  await dialog.getByLabel('Time zone').fill('Mars');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await until('it says what is wrong', async () =>
    (await page.locator('#said').textContent()).includes('Mars'),
  );
  await dialog.getByLabel('Time zone').fill('Asia/Jakarta');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await until(
    'she is entered',
    async () => (await api('GET', 'directory/ani')).roles?.length === 2,
  );
  const lines = Array.from({ length: 300 }, (_, n) =>
    JSON.stringify({ user_id: `n${n}`, login: `login${n}` }),
  ).join('\n');
  await page.getByLabel(/^Upload users/).setInputFiles({
    name: 'people.ndjson',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(lines),
  });
  const main = page.getByRole('main');
  await main.getByRole('button', { name: 'Import', exact: true }).click();
  await until('they are entered', async () =>
    (await page.locator('#said').textContent()).includes('300 users imported'),
  );
  await page.getByRole('searchbox', { name: 'Search the directory' }).fill('login299');
  await until('one is found', async () => (await page.getByRole('row').count()) === 2);
  assert.deepEqual(await violations(page), []);
  await picture(page, 'directory');

  await go(page, 'Dead letters');
  await page.getByText('No dead letters. Events that HTTP refused are in Activity.').waitFor();
  assert.deepEqual(await violations(page), []);

  await go(page, 'Configuration');
  await page.getByText('The file is in force.').waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'configuration');

  await go(page, 'Audit');
  await page.getByText('User saved').first().waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'audit');
  assert.deepEqual(
    page.troubles.filter((text) => !/status of 400/.test(text)),
    [],
  );
});

test('narrow and dark; keyboard alone; deep links', async () => {
  const page = await openPage(browser, hub, `${as}#types/MESSAGE`, {
    viewport: { width: 360, height: 740 },
    colorScheme: 'dark',
  });
  await page.getByRole('heading', { level: 1, name: 'MESSAGE' }).waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'narrow-dark');
  for (const name of [
    'Overview',
    'Types',
    'Clients',
    'Send',
    'Activity',
    'Inbox of a user',
    'Explain',
    'Dead letters',
    'Directory',
    'Configuration',
    'Audit',
  ]) {
    await page.getByRole('button', { name: 'Menu' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('link', { name, exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name }).waitFor();
    const [wide, seen] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    assert.ok(wide <= seen, `${name} is ${wide} wide in ${seen}`);
    assert.deepEqual(await violations(page), [], name);
  }
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Types', exact: true }).click();
  const toggle = page.getByRole('switch', { name: 'NOTE_UPDATED' });
  await toggle.focus();
  await page.keyboard.press('Space');
  await until('it is off', async () => !(await api('GET', 'types/NOTE_UPDATED')).is_active);
  assert.deepEqual(page.troubles, []);
});

test('a user without the role admin is asked for a token', async () => {
  const page = await openPage(browser, hub, '/admin?user_id=budi');
  await page.getByLabel('Token').waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(await page.getByRole('switch').count(), 0);
});

test('save button, preview and errors are visible without scrolling at every width', async () => {
  for (const [width, height] of [
    [1280, 720],
    [768, 700],
    [390, 780],
    [320, 568],
  ]) {
    const page = await openPage(browser, hub, '/admin#types', {
      viewport: { width, height },
    });
    await page.getByRole('link', { name: 'Edit REFUND_REQUESTED' }).click();
    const dialog = page.locator('form.editor');
    await dialog.waitFor();
    const visible = (target) =>
      target.evaluate((one) => {
        const { left, right, top, bottom } = one.getBoundingClientRect();
        const [x, y] = [(left + right) / 2, (top + bottom) / 2];
        return (
          top >= 0 &&
          bottom <= innerHeight &&
          left >= 0 &&
          right <= innerWidth &&
          one.contains(document.elementFromPoint(x, y))
        );
      });
    // A developer without a name has the inbox of the demo page.
    for (const name of ['Save', 'Preview', 'Send to me'])
      assert.ok(await visible(dialog.getByRole('button', { name })), `${name} at ${width}`);
    await until(
      'the preview is there',
      async () => (await dialog.locator('.preview').textContent()).length > 0,
    );
    // On a phone the bell above the form is the preview.
    if (width > 640)
      assert.ok(await visible(dialog.locator('.preview')), `the preview at ${width}`);
    await dialog.getByRole('textbox', { name: 'Text' }).fill('{amount|nofilter}');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await until('it says what is wrong', async () =>
      (await page.locator('#said').textContent()).includes('nofilter'),
    );
    const { top, bottom } = await page.locator('#said').evaluate((said) => {
      // No element that takes clicks covers it.
      said.style.pointerEvents = 'auto';
      const box = said.getBoundingClientRect();
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      return said.contains(document.elementFromPoint(x, y)) ? box : { top: -1, bottom: -1 };
    });
    assert.ok(top >= 0 && bottom <= height, `the error is on top at ${width}`);
    await picture(page, `editor-${width}`);
    await page.context().close();
  }
});

test('the overview survives a restart, and shows optional parts and codes without a type', async () => {
  const own = await Hub.start({
    env: { LONCENG_NATS__URL: 'nats://127.0.0.1:9' },
  });
  try {
    for (let n = 0; n < 3; n += 1)
      await own.publish({ type: 'NOTE_CREATED', user_id: 'u', title: `n${n}` });
    await own.publish({ type: 'NOTE_CREATD', user_id: 'u' });
    const tile = (page, name) =>
      page.locator('.tile').filter({ hasText: name }).locator('strong').textContent();
    const page = await openPage(browser, own, '/admin');
    await until(
      'they are counted',
      async () => (await tile(page, 'notifications').catch(() => '')) === '3',
    );
    assert.equal(await tile(page, 'events'), '4');
    await page.getByText('nats is not connected; the hub works without it.').waitFor();
    await page.getByText('All parts are operational.').waitFor();
    assert.equal(await page.locator('.alert').count(), 0);
    const row = page.getByRole('row').filter({ hasText: 'NOTE_CREATD' });
    assert.equal(await row.getByRole('link').first().textContent(), 'NOTE_CREATED');
    assert.deepEqual(await violations(page), []);
    await picture(page, 'overview-optional');
    await page.context().close();
    await own.halt();
    await own.run();
    const after = await openPage(browser, own, '/admin');
    await until(
      'they are still counted',
      async () => (await tile(after, 'notifications').catch(() => '')) === '3',
    );
    assert.equal(await tile(after, 'events'), '4');
    await after.context().close();
  } finally {
    await own.stop();
  }
});

test('a file that removes most types is loaded after a confirmation', async () => {
  const config = (...codes) =>
    codes
      .map((code) => `[[type]]\ncode = "${code}"\ntitle = "T"\ntemplate = "x"\ntarget = "SELF"\n`)
      .join('');
  const own = await Hub.start({ config: config('FIRST', 'SECOND', 'THIRD') });
  try {
    const page = await openPage(browser, own, '/admin#configuration');
    await page.getByText('The file is in force.').waitFor();
    await writeFile(own.config, config('FIRST'));
    await page.getByText(/2 of 3 types are no longer there/).waitFor();
    assert.deepEqual(await violations(page), []);
    await picture(page, 'removal');
    page.on('dialog', (question) => question.accept());
    await page.getByRole('button', { name: 'Load the file and remove 2 types' }).click();
    await page.getByText('The file is in force.').waitFor();
    const { types } = await own.api('GET', '/api/v1/admin/types');
    assert.deepEqual(
      types.map((type) => type.code),
      ['FIRST'],
    );
    assert.deepEqual(page.troubles, []);
  } finally {
    await own.stop();
  }
});
