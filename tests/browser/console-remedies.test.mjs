// Remedies in the console: refused origins, dead letters, and messages to mistyped users.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

const FIRST = 'https://a.example.com';

/** Mail server that takes everything. */
const mails = [];
const smtp = net.createServer((socket) => {
  let data = null;
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.write('220 test\r\n');
  socket.on('data', (text) => {
    if (data !== null) {
      data += text;
      if (!data.endsWith('\r\n.\r\n')) return;
      mails.push(data);
      data = null;
      socket.write('250 taken\r\n');
    } else if (/^DATA/i.test(text)) {
      data = '';
      socket.write('354 go on\r\n');
    } else socket.write(/^QUIT/i.test(text) ? '221 bye\r\n' : '250 ok\r\n');
  });
});

const config = (origins) => `[server]
allowed_origins = ${JSON.stringify(origins)}

[channels.email]
url = "smtp://127.0.0.1:${smtp.address().port}"
from = "Lonceng <no-reply@example.com>"

[[type]]
code = "MAILED"
title = "Mailed"
template = "Your lesson {title} begins"
target = "SELF"
channels = ["web", "email"]

[[type]]
code = "MESSAGE"
title = "Message"
template = "{message}"
target = "RECIPIENT"

[[type]]
code = "ORDER_PAID"
title = "Order paid"
template = "Paid: {amount}"
target = "SELF"

[[type]]
code = "REFUND_ASKED"
title = "Refund"
template = "{username} asks for a refund"
target = "ROLE"
target_role = "teller"
`;

let hub;
let browser;

before(async () => {
  await new Promise((listening) => smtp.listen(0, '127.0.0.1', listening));
  hub = await Hub.start({ config: config([FIRST]) });
  browser = await launch();
  await api('PUT', 'directory/budi', { login: 'budi', name: 'Budi Santoso' });
  await api('PUT', 'directory/ani', { login: 'ani', name: 'Ani', roles: ['teller'] });
});

after(async () => {
  await browser?.close();
  await hub?.stop();
  smtp.close();
});

const as = '/admin?user_id=9&login=ratna&role=admin';
const api = (method, address, body) => hub.api(method, `/api/v1/admin/${address}`, body);
const inbox = async (user) => (await hub.api('GET', `/api/v1/notifications?user_id=${user}`)).items;

/** Answers the next questions of a page, and returns them. */
function answering(page, yes) {
  const asked = { all: [], yes };
  page.on('dialog', (question) => {
    asked.all.push(question.message());
    return asked.yes ? question.accept() : question.dismiss();
  });
  return asked;
}

/** Sends a request as a page of this origin does; fetch of Node leaves the header out. */
const visitFrom = (origin) =>
  new Promise((resolve, reject) => {
    const address = `${hub.base}/api/v1/notifications?user_id=budi`;
    const request = http.get(address, { headers: { origin } }, (answer) => {
      answer.resume();
      answer.on('end', resolve);
    });
    request.on('error', reject);
  });

test('the line for a refused origin keeps the allowed ones, and an allowed origin leaves the list', async () => {
  await visitFrom('https://b.example.com');
  await visitFrom('https://c.example.com');
  const page = await openPage(browser, hub, `${as}#overview`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const rows = page.getByRole('region', { name: 'Refused origins' }).locator('tbody tr');
  await until('both are listed', async () => (await rows.count()) === 2);
  const line = `allowed_origins = ["${FIRST}", "https://b.example.com"]`;
  await rows.filter({ hasText: line }).waitFor();
  await page.getByRole('button', { name: 'Copy the line for all' }).click();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    `allowed_origins = ["${FIRST}", "https://b.example.com", "https://c.example.com"]`,
  );
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-refused-origins');
  await writeFile(hub.config, config([FIRST, 'https://b.example.com']));
  await until('the allowed one is gone', async () => (await rows.count()) === 1);
  assert.match(await rows.textContent(), /c\.example\.com/);
  assert.deepEqual(page.troubles, []);
});

/** Shows a dead letter that is kept until it is discarded. Returns what became of it. */
async function withLetter(page, letter) {
  const state = { discarded: false };
  const all = () => (state.discarded ? [] : [letter]);
  await page.route(/\/admin\/dead-letters(\?|$)/, (route) =>
    route.fulfill({
      json: { dead_letters: all(), next_cursor: null, total_count: all().length },
    }),
  );
  await page.route(/\/admin\/dead-letters\/x(\?|$)/, (route) => {
    if (route.request().method() !== 'DELETE') return route.fulfill({ json: letter });
    state.discarded = true;
    return route.fulfill({ status: 204 });
  });
  return state;
}

const LETTER = {
  id: 'x',
  kind: 'template',
  source: 'nats',
  subject: 'events.order.paid',
  received_at: '2026-01-01T00:00:00Z',
  payload: '{"type":"ORDER_PAID","user_id":"budi"}',
  reason: 'the template needs amount, which the event does not have',
  truncated: false,
  type_code: 'ORDER_PAID',
};

test('discarding a dead letter asks first', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  const state = await withLetter(page, LETTER);
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  const asked = answering(page, false);
  const discard = page.getByRole('button', { name: 'Discard', exact: true });
  await discard.click();
  await until('it asks', () => asked.all.length === 1);
  assert.match(asked.all[0], /^Discard this dead letter\?/);
  assert.equal(state.discarded, false);
  asked.yes = true;
  await discard.click();
  await page.getByText(/^No dead letters\./).waitFor();
  assert.equal(state.discarded, true);
  assert.deepEqual(page.troubles, []);
});

test('the event of a dead letter is edited, published again, and then discarded', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  const state = await withLetter(page, LETTER);
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  await page.getByRole('button', { name: 'Edit the event' }).click();
  const event = page.getByRole('textbox', { name: 'Event (JSON)' });
  const publish = page.getByRole('button', { name: 'Publish and discard' });
  // What is still wrong keeps the dead letter, and the text.
  await publish.click();
  await page.getByRole('alert').filter({ hasText: 'needs amount' }).waitFor();
  await event.fill('{"type":"ORDER_PAID"');
  await publish.click();
  await page.getByRole('alert').filter({ hasText: 'This is not JSON' }).waitFor();
  await event.fill('{"type":"NO_SUCH_TYPE","user_id":"budi"}');
  await publish.click();
  await page.getByRole('alert').filter({ hasText: 'no type NO_SUCH_TYPE' }).waitFor();
  assert.equal(state.discarded, false);
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-dead-letter-edit');
  // The edit is not lost by accident.
  const asked = answering(page, false);
  await page.getByRole('link', { name: 'Activity', exact: true }).click();
  await until('it asks', () => asked.all.length === 1);
  await event.fill('{"type":"ORDER_PAID","user_id":"budi","amount":7}');
  await publish.click();
  await page.getByText('The edited event is published').waitFor();
  assert.equal(state.discarded, true);
  assert.equal((await inbox('budi'))[0].message, 'Paid: 7');
  assert.deepEqual(
    page.troubles.filter((line) => !/status of (400|422)/.test(line)),
    [],
  );
});

test('a type that is opened from a dead letter is previewed with it', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  await withLetter(page, LETTER);
  const previewed = [];
  await page.route('**/types/ORDER_PAID/preview*', (route) => {
    previewed.push(route.request().postDataJSON().dead_letter);
    return route.fulfill({ status: 400, json: { detail: LETTER.reason } });
  });
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  await page.getByRole('link', { name: 'Edit ORDER_PAID' }).click();
  const choice = page.getByRole('combobox', { name: 'Recent event' });
  await until('it is chosen', async () =>
    /^the dead letter of/.test(
      await choice.evaluate((one) => one.selectedOptions[0]?.textContent ?? ''),
    ),
  );
  await page.getByRole('heading', { level: 1, name: 'ORDER_PAID' }).waitFor();
  await page.locator('.preview.bad').filter({ hasText: 'needs amount' }).waitFor();
  assert.equal(previewed.at(-1), 'x');
});

test('a message to a user who is not in the directory asks first', async () => {
  const page = await openPage(browser, hub, `${as}#send`);
  const asked = answering(page, false);
  await page.getByRole('textbox', { name: 'Users' }).fill('budi, budy');
  await page.getByRole('textbox', { name: 'Message' }).fill('Hello');
  await page.getByRole('textbox', { name: 'Link' }).fill('/orders/42');
  const send = page.getByRole('button', { name: 'Send', exact: true });
  await send.click();
  await until('it asks', () => asked.all.length === 1);
  assert.match(asked.all[0], /^Not in the directory: budy\..*\n\nSend the message to 2 users\?$/);
  assert.equal((await inbox('budy')).length, 0);
  await page.getByRole('textbox', { name: 'Users' }).fill('budi');
  asked.yes = true;
  await send.click();
  await page.getByText('Sent to 1.').waitFor();
  assert.equal(asked.all[1], 'Send the message to 1 user?');
  const [item] = await inbox('budi');
  assert.deepEqual([item.message, item.action_url], ['Hello', '/orders/42']);

  await page.getByRole('combobox', { name: 'Recipients' }).selectOption('all');
  const { total_count: all } = await api('GET', 'directory');
  await page.getByText(`${all} recipients.`).waitFor();
  await page.getByRole('textbox', { name: 'Message' }).fill('To everyone');
  await send.click();
  await page.getByText(`Sent to ${all}.`).waitFor();
  assert.equal((await inbox('ani'))[0].message, 'To everyone');
  assert.equal((await api('GET', 'directory')).total_count, all, 'nobody is added');

  await page.getByRole('combobox', { name: 'Recipients' }).selectOption('role');
  await page.locator('datalist option[value="teller"]').waitFor({ state: 'attached' });
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-send');
  assert.deepEqual(page.troubles, []);
});

test('Explain names the missing role, offers a missing type, and shows the data', async () => {
  await api('PUT', 'directory/ani', { login: 'ani', name: 'Ani', roles: [] });
  await hub.publish({ type: 'REFUND_ASKED', event_id: 'n-1', user_id: 'budi' });
  await hub.publish({ type: 'ORDER_PAYED', event_id: 'n-2', user_id: 'budi' });
  await hub.publish({ type: 'ORDER_PAID', event_id: 'n-3', user_id: 'budi', amount: 12 });
  const page = await openPage(browser, hub, `${as}#explain/n-1`);
  await page.getByText('nobody in the directory has the role teller').waitFor();
  await page.goto(`${hub.base}${as}#explain/n-2`);
  await page.getByRole('link', { name: 'Create the type ORDER_PAYED' }).waitFor();
  await page.goto(`${hub.base}${as}#explain/n-3`);
  await page.getByText('Data of the event').click();
  await page.locator('pre').filter({ hasText: '"amount": 12' }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole('main').getByRole('link', { name: 'Inbox of a user' }).click();
  await page.getByRole('heading', { level: 1, name: 'Inbox of a user' }).waitFor();
  assert.deepEqual(page.troubles, []);
});

test('an inbox is found by the name of its user', async () => {
  const page = await openPage(browser, hub, `${as}#inbox`);
  const search = page.getByRole('searchbox', { name: 'User' });
  await search.fill('Budi Santoso');
  await page.keyboard.press('Enter');
  await page.getByRole('cell', { name: 'Paid: 12' }).waitFor();
  assert.match(page.url(), /#inbox\/budi$/);
  await search.fill('santo');
  await page.keyboard.press('Enter');
  await page.getByText('No user has the ID “santo”').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole('main').getByRole('link', { name: 'Budi Santoso' }).click();
  await page.getByRole('cell', { name: 'Paid: 12' }).waitFor();
  assert.deepEqual(page.troubles, []);
});

test('the audit is filtered by part of the subject, by person and by time', async () => {
  const page = await openPage(browser, hub, `${as}#audit`);
  const entries = page.getByRole('article');
  await entries.first().waitFor();
  await page.getByRole('searchbox', { name: 'Subject or action' }).fill('BUD');
  await page.keyboard.press('Enter');
  await until('one is left', async () => (await entries.count()) === 1);
  await page.getByRole('article', { name: 'User saved user:budi' }).waitFor();
  await page.getByRole('searchbox', { name: 'Changed by' }).fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('No change matches.').waitFor();
  assert.match(page.url(), /#audit\/q=BUD&who=nobody$/);
  await page.getByRole('button', { name: 'Clear' }).click();
  await until('all are back', async () => (await entries.count()) > 1);
  await page.getByLabel('From', { exact: true }).fill('2099-01-01T00:00');
  await page.getByText('No change matches.').waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(page.troubles, []);
});

test('the editor says that a type is off, and how it differs from the file', async () => {
  await api('PATCH', 'types/ORDER_PAID', { is_active: false, template: 'Payed: {amount}' });
  const page = await openPage(browser, hub, `${as}#types/ORDER_PAID`);
  await page.getByText('This type is off.').waitFor();
  await page.getByText('differs from config.toml').waitFor();
  await page.getByText('File and table').click();
  await page.locator('.note del').filter({ hasText: 'Paid: {amount}' }).waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-type-notes');
  await page.getByRole('checkbox', { name: 'On: its events make notifications' }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('switch', { name: 'ORDER_PAID', checked: true }).waitFor();
  assert.deepEqual(
    page.troubles.filter((line) => !/status of 400/.test(line)),
    [],
  );
});

test('the e-mail of a draft is sent to an address', async () => {
  await api('PUT', 'directory/9', { login: 'ratna', email: 'ratna@example.com' });
  const page = await openPage(browser, hub, `${as}#types/MAILED`);
  await page.getByRole('textbox', { name: 'Text' }).fill('Draft of {title}');
  const mail = page.locator('details.mail');
  await mail.locator('summary').click();
  const to = mail.getByLabel('E-mail address');
  await until('the own address is there', async () => (await to.inputValue()).startsWith('ratna@'));
  await to.fill('ops@example.com');
  await until('the draft is shown', async () =>
    /Draft of title/.test((await mail.locator('pre').textContent()) ?? ''),
  );
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-send-mail');
  await to.press('Enter');
  await page.getByText('Sent to ops@example.com. Reply: 250').waitFor();
  assert.match(mails.at(-1), /Subject: Mailed[^]*Draft of title/);
  assert.match(mails.at(-1), /To: ops@example\.com/);
  await page.getByRole('heading', { level: 1, name: 'MAILED' }).waitFor();
  assert.deepEqual(page.troubles, []);
});

test('an administrator changes the preferences of a user', async () => {
  let stored = {
    muted_types: ['GONE'],
    channels: { email: { enabled: true, types: { MAILED: false } } },
    email_enabled: true,
    quiet_hours: null,
    timezone: 'Asia/Jakarta',
  };
  const page = await openPage(browser, hub, `${as}#inbox/budi`);
  await page.route('**/admin/users/budi/preferences*', (route) => {
    if (route.request().method() === 'PUT') stored = route.request().postDataJSON();
    return route.fulfill({ json: stored });
  });
  await page.getByRole('button', { name: 'Edit preferences' }).click();
  const dialog = page.getByRole('dialog', { name: 'Preferences of budi' });
  await dialog.getByRole('checkbox', { name: 'Refund' }).check();
  await dialog.getByRole('checkbox', { name: 'E-mail' }).uncheck();
  await dialog.getByLabel('From').fill('22:00');
  await dialog.getByLabel('Until').fill('07:00');
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-preferences');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The preferences of budi are saved.').waitFor();
  assert.deepEqual(stored, {
    muted_types: ['GONE', 'REFUND_ASKED'],
    channels: { email: { enabled: false, types: { MAILED: false } } },
    quiet_hours: { from: '22:00', to: '07:00' },
    timezone: 'Asia/Jakarta',
  });
  assert.deepEqual(page.troubles, []);
});
