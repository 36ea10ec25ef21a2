// Deliveries on channels in the console: list, retry, test of a channel, and fields of a type.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Hub, freePort, launch, openPage, shot, until, violations } from './harness.mjs';

let browser;
let hub;
let receiver;

/** Receiver of a webhook: the status of its next responses, and the bodies that arrived. */
async function receive() {
  const own = { status: 200, bodies: [], port: await freePort() };
  own.server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    own.bodies.push(JSON.parse(body));
    response.writeHead(own.status).end(own.status === 200 ? 'thanks' : 'no such room');
  });
  await new Promise((listening) => own.server.listen(own.port, '127.0.0.1', listening));
  return own;
}

const config = (port) => `
[[channels.webhook]]
name = "ops"
url = "http://127.0.0.1:${port}/ops"
allow_private = true

[channels.retry]
backoff_seconds = [1]

[[type]]
code = "ORDER_PAID"
title = "Paid"
template = "Order {order_id} is paid"
target = "SELF"
channels = ["web", "webhook:ops"]

[[type]]
code = "ORDER_SENT"
title = "Sent"
template = "Order {order_id} is on its way"
target = "SELF"
`;

before(async () => {
  receiver = await receive();
  hub = await Hub.start({ config: config(receiver.port) });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hub?.stop();
  receiver?.server.closeAllConnections();
  receiver?.server.close();
});

const as = '/admin?user_id=9&login=ratna&role=admin';

const api = (method, address, body) => hub.api(method, `/api/v1/admin/${address}`, body);
const picture = (page, name) => shot(page, `console-${name}`);
const rows = (page) => page.getByRole('region', { name: 'Deliveries' }).locator('tbody tr');
const publish = (type, user) => hub.publish({ type, user_id: user, order_id: 'A7' });

/** Waits until the latest delivery of a user has a state. */
const ended = (user, state) =>
  until(`${user}: ${state}`, async () => {
    const { items } = await api('GET', `deliveries?user=${user}`);
    return items[0]?.state === state;
  });

/** Asserts that a page is not wider than its window. */
async function fits(page, name) {
  const [wide, seen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok(wide <= seen, `${name} is ${wide} wide in ${seen}`);
}

test('deliveries are listed and filtered; a failed one is retried', async () => {
  await publish('ORDER_PAID', 'budi');
  await ended('budi', 'sent');
  receiver.status = 400;
  await publish('ORDER_PAID', 'ani');
  await ended('ani', 'failed');

  const page = await openPage(browser, hub, as);
  await page.getByRole('link', { name: 'Deliveries', exact: true }).click();
  await until('both are listed', async () => (await rows(page).count()) === 2);
  const row = (user) => rows(page).filter({ hasText: user });
  assert.match(await row('budi').textContent(), /ORDER_PAID.*webhook:ops.*sent/);
  assert.equal(await row('budi').getByRole('button').count(), 0);
  assert.match(await row('ani').textContent(), /failed.*400.*no such room/);
  const card = page.getByRole('region', { name: 'webhook:ops' });
  assert.match(await card.textContent(), /ok.*1 failed.*1 sent/);

  const state = page.getByRole('combobox', { name: 'State' });
  await state.selectOption('sent');
  await until('one is left', async () => (await rows(page).count()) === 1);
  assert.match(page.url(), /#deliveries\/state=sent$/);
  await page.getByRole('searchbox', { name: 'User ID' }).fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('No delivery matches.').waitFor();
  // A count of the card sets the filter.
  await card.getByRole('link', { name: '1 failed' }).click();
  await row('ani').waitFor();
  assert.equal(await rows(page).count(), 1);
  assert.equal(await state.inputValue(), 'failed');

  receiver.status = 200;
  await row('ani').getByRole('button', { name: 'Retry' }).focus();
  await page.keyboard.press('Enter');
  await until('the outcome is announced', async () =>
    (await page.locator('#said').textContent()).includes('Retried: sent.'),
  );
  assert.match(await row('ani').textContent(), /sent/);
  await page.getByText('2 sent').waitFor();
  assert.ok(receiver.bodies.filter((body) => body.user_id === 'ani').length >= 2);

  await row('ani')
    .getByRole('link', { name: /^Explain/ })
    .click();
  await page.getByRole('heading', { level: 1, name: 'Explain' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Deliveries' }).click();
  await until('those of the notification', async () => (await rows(page).count()) === 1);
  assert.match(page.url(), /#deliveries\/notification=/);
  assert.deepEqual(page.troubles, []);
});

test('a page of the list is followed by the next one', async () => {
  const page = await openPage(browser, hub, `${as}#deliveries/user=many`);
  await page.getByText('No delivery matches.').waitFor();
  for (let n = 0; n < 60; n += 1) await publish('ORDER_PAID', 'many');
  await page.getByRole('button', { name: 'Refresh' }).click();
  await until('a page is listed', async () => (await rows(page).count()) === 50);
  await page.getByRole('button', { name: 'Load more' }).click();
  await until('all are listed', async () => (await rows(page).count()) === 60);
  assert.equal(await page.getByRole('button', { name: 'Load more' }).isVisible(), false);
  assert.deepEqual(page.troubles, []);
});

test('a test of a channel shows the reply', async () => {
  receiver.status = 200;
  const page = await openPage(browser, hub, `${as}#deliveries`);
  const form = page.getByRole('form', { name: 'Send a test' });
  assert.equal(await form.getByLabel('To').isVisible(), false);
  await form.getByRole('button', { name: 'Send test' }).click();
  await form.getByText('Reply: 200 OK: thanks').waitFor();
  assert.equal(receiver.bodies.at(-1).type, 'test');
  receiver.status = 400;
  await form.getByRole('button', { name: 'Send test' }).click();
  await form.getByText('Reply: 400 Bad Request: no such room').waitFor();
  assert.deepEqual(await violations(page), []);
  receiver.status = 200;
  assert.deepEqual(page.troubles, []);
});

test('channels, grouping, digest and escalations of a type are edited', async () => {
  const page = await openPage(browser, hub, `${as}#types/ORDER_SENT`);
  const dialog = page.locator('form.editor');
  const channels = dialog.getByRole('group', { name: 'Channels' });
  assert.equal(await channels.getByLabel('Web (bell)').isChecked(), true);
  assert.equal(await channels.getByText('not configured').count(), 2);
  await channels.getByLabel('webhook:ops').check();
  await dialog.getByText('Digest, grouping and escalation').click();
  await dialog.getByLabel('Group by').fill('order_id');
  await dialog.getByLabel('Group window').fill('soon');
  await dialog.getByLabel('Digest').fill('30m');
  await dialog.getByRole('button', { name: 'Add escalation' }).click();
  const step = dialog.getByRole('group', { name: 'Escalation', exact: true });
  await step.getByLabel('After').fill('10x');
  await step.getByLabel('E-mail').check();
  await step.getByLabel('Unless').selectOption('read');

  const save = dialog.getByRole('button', { name: 'Save' });
  await dialog.getByText('Digest, grouping and escalation').click();
  await save.click();
  const errors = dialog.locator('.error');
  await errors.filter({ hasText: '"10x" is not a duration' }).waitFor();
  assert.equal(await step.getByLabel('After').isVisible(), true);
  await picture(page, 'type-escalation-error');
  await step.getByLabel('After').fill('10m');
  await save.click();
  await errors.filter({ hasText: '"soon" is not a duration' }).waitFor();
  assert.equal(await errors.count(), 1);
  const window = dialog.getByLabel('Group window');
  assert.equal(await window.getAttribute('aria-invalid'), 'true');
  assert.equal(await window.evaluate((input) => input === document.activeElement), true);
  assert.deepEqual(await violations(page), []);
  await picture(page, 'type-error');
  await window.fill('2h');
  // A type that sends e-mails shows the e-mail too, where nothing of it can run.
  const mail = dialog.locator('details.mail');
  await mail.locator('summary').click();
  assert.notEqual(await mail.locator('pre').innerText(), '');
  assert.equal(await mail.locator('iframe').getAttribute('sandbox'), '');
  await mail.locator('iframe').contentFrame().locator('h2').waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'type-e-mail');
  await save.click();
  await until('it is saved', async () => !(await dialog.isVisible()));

  const type = await api('GET', 'types/ORDER_SENT');
  assert.deepEqual(type.channels, ['web', 'webhook:ops']);
  assert.deepEqual(type.escalate, [{ after: '10m', unless: 'read', channels: ['email'] }]);
  assert.deepEqual([type.group_by, type.group_window, type.digest], ['order_id', '2h', '30m']);
  await publish('ORDER_SENT', 'eko');
  await until('it arrives', () => receiver.bodies.some((body) => body.user_id === 'eko'));
  // An unchanged type is closed without a question, and its fields are removed again.
  await page.getByRole('link', { name: 'Edit ORDER_SENT' }).click();
  await dialog.waitFor();
  await dialog.getByRole('link', { name: 'Close' }).click();
  await until('it is closed', async () => !(await dialog.isVisible()));
  await page.getByRole('link', { name: 'Edit ORDER_SENT' }).click();
  await step.getByRole('button', { name: 'Remove' }).click();
  for (const name of ['Group by', 'Group window', 'Digest']) await dialog.getByLabel(name).fill('');
  await channels.getByLabel('webhook:ops').uncheck();
  await save.click();
  await until('it is as in the file', async () => {
    const { escalate, ...saved } = await api('GET', 'types/ORDER_SENT');
    return saved.file === 'same' && escalate.length === 0;
  });
  assert.deepEqual(
    page.troubles.filter((text) => !/status of 400/.test(text)),
    [],
  );
});

test('the inbox of a user shows the deliveries on every channel', async () => {
  receiver.status = 400;
  await publish('ORDER_PAID', 'tini');
  await ended('tini', 'failed');
  receiver.status = 200;
  await hub.api('PUT', '/api/v1/preferences?user_id=tini', {
    channels: { email: { enabled: false, types: {} } },
    digest: 'daily',
  });
  const page = await openPage(browser, hub, `${as}#inbox/tini`);
  const list = page.getByRole('region', { name: 'Deliveries on channels' });
  await list.getByText('no such room').waitFor();
  await page.getByText('E-mail is off').waitFor();
  await list.getByRole('button', { name: 'Retry' }).click();
  await list.getByText('sent', { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, 'inbox-deliveries');
  await page.getByRole('searchbox', { name: 'User' }).fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was sent to this user on a channel').waitFor();
  assert.deepEqual(page.troubles, []);
});

test('a hub without channels explains how to configure one', async () => {
  const own = await Hub.start({ config: '' });
  try {
    const page = await openPage(browser, own, '/admin#deliveries');
    await page.getByText('No channel is configured:').waitFor();
    await page.getByText('[[channels.webhook]]').waitFor();
    await page.getByText('No deliveries, because no channel is configured.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Send test' }).count(), 0);
    assert.deepEqual(await violations(page), []);
    await picture(page, 'deliveries-none');
    assert.deepEqual(page.troubles, []);
  } finally {
    await own.stop();
  }
});

test('tests on e-mail and push ask for an address; a channel that fails is degraded', async () => {
  const closed = await freePort();
  const own = await Hub.start({
    config: `${config(receiver.port).replace('"webhook:ops"', '"email"')}
[channels.email]
url = "smtp://127.0.0.1:${closed}"
from = "Lonceng <no-reply@example.com>"

[channels.push]
subject = "mailto:ops@example.com"
`,
  });
  try {
    const page = await openPage(browser, own, '/admin#deliveries');
    const form = page.getByRole('form', { name: 'Send a test' });
    const to = form.getByLabel('To');
    await form.getByLabel('Channel').selectOption('email');
    await form.getByText('E-mail address').waitFor();
    await to.fill('x'.repeat(400));
    await form.getByRole('button', { name: 'Send test' }).click();
    await form.locator('.error').filter({ hasText: 'at most 320 characters' }).waitFor();
    assert.equal(await to.getAttribute('aria-invalid'), 'true');
    assert.deepEqual(await violations(page), []);
    await to.fill('budi@example.com');
    await page.keyboard.press('Enter');
    await form.getByText(/^Reply: .*refused/i).waitFor();
    assert.equal(await form.locator('.error').count(), 0);
    await form.getByLabel('Channel').selectOption('push');
    await form.getByText('User ID').waitFor();

    await own.api('PUT', '/api/v1/admin/directory/budi', { email: 'budi@example.com' });
    for (let n = 0; n < 6; n += 1)
      await own.publish({ type: 'ORDER_PAID', user_id: 'budi', order_id: `A${n}` });
    await until('it is degraded', async () => {
      const { channels } = await own.api('GET', '/api/v1/admin/channels');
      return channels.some((one) => one.channel === 'email' && one.state === 'degraded');
    });
    await page.getByRole('button', { name: 'Refresh' }).click();
    const card = page.getByRole('region', { name: 'E-mail' });
    await card.getByText('degraded').waitFor();
    await card.getByText('It could not be reached. The hub tries again by itself.').waitFor();
    assert.deepEqual(await violations(page), []);
    await picture(page, 'deliveries-degraded');
    assert.deepEqual(
      page.troubles.filter((text) => !/status of 400/.test(text)),
      [],
    );
  } finally {
    await own.stop();
  }
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [360, 1280]) {
    test(`axe finds nothing and nothing overflows: ${colorScheme}, ${width} px`, async () => {
      receiver.status = 400;
      await publish('ORDER_PAID', 'long');
      await ended('long', 'failed');
      const page = await openPage(browser, hub, `${as}#deliveries`, {
        viewport: { width, height: 800 },
        colorScheme,
      });
      await rows(page).first().waitFor();
      await page.getByRole('button', { name: 'Send test' }).click();
      await page.getByText('Reply: 400').waitFor();
      for (const [hash, name] of [
        ['deliveries', 'Deliveries'],
        ['inbox/long', 'Inbox of a user'],
        ['types/ORDER_PAID', 'ORDER_PAID'],
      ]) {
        if (hash !== 'deliveries') {
          await page.evaluate((to) => (location.hash = to), hash);
          await page.getByRole('heading', { level: 1, name }).waitFor();
        }
        if (name === 'ORDER_PAID') {
          const dialog = page.locator('form.editor');
          await dialog.getByText('Digest, grouping and escalation').click();
          await dialog.getByRole('button', { name: 'Add escalation' }).click();
          const [wide, seen] = await dialog.evaluate((one) => [one.scrollWidth, one.clientWidth]);
          assert.ok(wide <= seen, `the editor is ${wide} wide in ${seen}`);
        }
        await fits(page, name);
        assert.deepEqual(await violations(page), [], name);
        await picture(page, `${name.toLowerCase()}-${colorScheme}-${width}`);
      }
      assert.deepEqual(page.troubles, []);
    });
  }
}
