// The console while answers are late or missing, and while something is being edited.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, until, violations } from './harness.mjs';

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
const h1 = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
const open = (page, hash) => page.evaluate((to) => (location.hash = to), hash);
const tick = (page) => page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));

/** Answers the next questions of a page, and returns them. */
function answering(page, yes) {
  const asked = { all: [], yes };
  page.on('dialog', (question) => {
    asked.all.push(question.message());
    return asked.yes ? question.accept() : question.dismiss();
  });
  return asked;
}

test('a late answer does not replace a newer list', async () => {
  for (const id of ['ani', 'budi']) await api('PUT', `directory/${id}`, { name: id });
  const page = await openPage(browser, hub, `${as}#directory`);
  let release = () => {};
  const held = new Promise((resolve) => (release = resolve));
  await page.route(
    (url) => url.searchParams.get('q') === 'ani',
    async (route) => {
      await held;
      await route.continue();
    },
  );
  const search = page.getByRole('searchbox', { name: 'Search the directory' });
  const rows = page.getByRole('region', { name: 'Directory' }).locator('tbody tr');
  const late = page.waitForResponse((one) => one.url().includes('q=ani'));
  await search.fill('ani');
  await search.fill('budi');
  await until('budi is found', async () => (await rows.allTextContents()).join().includes('budi'));
  release();
  await (await late).finished();
  await tick(page);
  assert.equal(await rows.count(), 1);
  assert.match(await rows.textContent(), /^budi/);
  assert.deepEqual(page.troubles, []);
});

/** Answer of a list with two pages. */
const page2 = (url, member, entry) => {
  const at = url.searchParams.has('cursor') ? 2 : 1;
  return { [member]: [entry(at)], next_cursor: at === 1 ? 'c' : null, total_count: 2 };
};

const letter = (id) => ({
  id: `x${id}`,
  kind: 'template',
  source: 'nats',
  subject: `events.${id}`,
  received_at: '2026-01-01T00:00:00Z',
  payload: '{"type":"NOTE_CREATED","user_id":"budi"}',
  reason: 'the template needs title, which the event does not have',
  truncated: false,
  type_code: 'NOTE_CREATED',
});

const user = (id) => ({ user_id: `u${id}`, roles: [] });
const entry = (id) => ({ at: '2026-01-01T00:00:00Z', who: '9', action: 'a', subject: `s${id}` });

for (const [hash, member, make, more, shown] of [
  ['directory', 'users', user, 'More', 'tbody tr'],
  ['dead-letters', 'dead_letters', letter, 'Load older', 'article'],
  ['audit', 'entries', entry, 'Load older', 'article'],
]) {
  test(`a second press repeats nothing: ${hash}`, async () => {
    const page = await openPage(browser, hub, `${as}#overview`);
    let further = 0;
    await page.route(
      (url) => url.pathname === `/api/v1/admin/${hash}`,
      (route) => {
        const url = new URL(route.request().url());
        if (url.searchParams.has('cursor')) further += 1;
        return route.fulfill({ json: page2(url, member, make) });
      },
    );
    await open(page, hash);
    const button = page.getByRole('button', { name: more, exact: true });
    await button.waitFor();
    await button.evaluate((one) => {
      one.click();
      one.click();
    });
    await button.waitFor({ state: 'hidden' });
    await until('both are answered', () => further === 2);
    await page.waitForLoadState('networkidle');
    await tick(page);
    assert.equal(await page.getByRole('main').locator(shown).count(), 2);
    assert.deepEqual(page.troubles, []);
  });
}

test('an event that is being edited is not thrown away', async () => {
  const page = await openPage(browser, hub, `${as}#overview`);
  const asked = answering(page, true);
  let letters = [1, 2, 3].map(letter);
  let ended = false;
  const job = { id: 'j', kind: 'dead_letters.replay', total: 1, done: 0, succeeded: 0, failed: 0 };
  await page.route(/\/admin\/dead-letters(\?|$)/, (route) =>
    route.fulfill({ json: { dead_letters: letters, next_cursor: null } }),
  );
  await page.route(/\/admin\/dead-letters\/x/, (route) => route.fulfill({ status: 204 }));
  await page.route(/\/admin\/jobs(\?|$)/, (route) => route.fulfill({ json: { jobs: [job] } }));
  await page.route(/\/admin\/jobs\/j/, (route) =>
    route.fulfill({ json: { ...job, ended_at: ended ? '2026-01-01T00:00:00Z' : null } }),
  );
  await open(page, 'dead-letters');
  const card = (n) => page.getByRole('article', { name: `events.${n}` });
  const text = (n) => card(n).getByRole('textbox');
  for (const n of [1, 2]) await card(n).getByRole('button', { name: 'Edit the event' }).click();
  await text(1).fill('mine');
  // Another card goes, another editor is closed, and the job ends.
  await card(3).getByRole('button', { name: 'Discard' }).click();
  await card(3).waitFor({ state: 'detached' });
  await card(2).getByRole('button', { name: 'Cancel' }).click();
  ended = true;
  const stale = page.getByText('The list was not loaded again: an event is being edited.');
  await stale.waitFor();
  assert.equal(await text(1).inputValue(), 'mine');
  assert.deepEqual(await violations(page), []);
  // What would lose it asks first.
  asked.yes = false;
  asked.all.length = 0;
  await page.getByRole('link', { name: 'Activity', exact: true }).click();
  await until('leaving asks', () => asked.all.length === 1);
  await card(1).getByRole('button', { name: 'Replay', exact: true }).click();
  await until('replaying asks', () => asked.all.length === 2);
  await page.getByRole('searchbox', { name: 'Search dead letters' }).fill('x');
  await until('searching asks', () => asked.all.length === 3);
  assert.equal(await text(1).inputValue(), 'mine');
  assert.deepEqual(new Set(asked.all), new Set(['Discard your changes?']));
  asked.yes = true;
  letters = [letter(4)];
  await page.getByRole('button', { name: 'Refresh' }).click();
  await card(4).waitFor();
  assert.deepEqual([await card(1).count(), await stale.isVisible()], [0, false]);
  assert.deepEqual(page.troubles, []);
});

test('the audit shows the same times in UTC and in local time', async () => {
  const page = await openPage(browser, hub, `${as}#audit`, { timezoneId: 'Asia/Jakarta' });
  const from = page.getByLabel('From', { exact: true });
  await from.fill('2020-01-01T15:00');
  await page.getByRole('combobox', { name: 'Times' }).selectOption('utc');
  assert.equal(await from.inputValue(), '2020-01-01T08:00');
  assert.deepEqual(page.troubles, []);
});

test('a page that cannot be refreshed says so, in its language', async () => {
  const page = await openPage(browser, hub, `${as}#overview`, { locale: 'id-ID' });
  await page.locator('.tile').first().waitFor();
  await page.clock.install();
  for (const hash of ['clients', 'configuration', 'overview']) {
    await open(page, hash);
    await until(hash, () => page.evaluate((to) => location.hash === `#${to}`, hash));
    await page.waitForLoadState('networkidle');
    await page.route('**/api/v1/admin/**', (route) => route.abort());
    await page.clock.fastForward(6_000);
    const note = page.getByText(/^Tidak disegarkan sejak .*: Sambungan ke hub terputus\.$/);
    await note.waitFor();
    assert.deepEqual(await violations(page), []);
    await page.unroute('**/api/v1/admin/**');
    await page.clock.fastForward(6_000);
    await note.waitFor({ state: 'detached' });
  }
  await page.route('**/admin/overview?**', (route) => route.abort());
  await page.getByRole('button', { name: '30 hari' }).click();
  await page.locator('#said').filter({ hasText: 'Sambungan ke hub terputus.' }).waitFor();
  assert.deepEqual(
    page.troubles.filter((line) => !/ERR_FAILED/.test(line)),
    [],
  );
});

test('connections are shown in part, and found by the ID of the user', async () => {
  const bells = [];
  for (const id of ['budi', 'ani'])
    bells.push(await openPage(browser, hub, `/?user_id=${id}&login=${id}&role=user`));
  await until('both are there', async () => (await api('GET', 'users')).total_count === 2);
  const page = await openPage(browser, hub, `${as}#clients`);
  const rows = page.getByRole('region', { name: 'Clients' }).locator('tbody tr');
  await page.getByText('2 connections.').waitFor();
  const user = page.getByRole('searchbox', { name: 'User ID' });
  await user.fill('ani');
  await page.keyboard.press('Enter');
  await page.getByText('1 connection.').waitFor();
  assert.match(await rows.textContent(), /^aniani/);
  await user.fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('This user is not connected.').waitFor();
  assert.deepEqual(await violations(page), []);
  // The hub has more than a page.
  const limits = [];
  await page.route('**/admin/clients?**', async (route) => {
    limits.push(new URL(route.request().url()).searchParams.get('limit'));
    const response = await route.fetch();
    const next_cursor = limits.at(-1) === '100' ? 'c' : null;
    await route.fulfill({ response, json: { ...(await response.json()), next_cursor } });
  });
  await user.fill('');
  await page.keyboard.press('Enter');
  const more = page.getByRole('button', { name: 'Load more' });
  await more.click();
  await more.waitFor({ state: 'hidden' });
  assert.deepEqual([limits[0], limits.at(-1)], ['100', '200']);
  for (const bell of bells) await bell.context().close();
  assert.deepEqual(page.troubles, []);
});

test('hubs that do not answer are named before a message is sent, and connections have a sum', async () => {
  const page = await openPage(browser, hub, `${as}#send`);
  const asked = answering(page, false);
  const users = [{ id: 'budi', login: 'budi' }];
  await page.route('**/admin/users?**', (route) =>
    route.fulfill({ json: { available_users: users, total_count: 1, incomplete: ['hub-2'] } }),
  );
  await page.getByRole('combobox', { name: 'Recipients' }).selectOption('connected');
  await page.getByText('1 recipient.').waitFor();
  await page.getByLabel('Message').fill('Hello');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await until('it asks', () => asked.all.length === 1);
  assert.match(asked.all[0], /^No answer from: hub-2\..*\n\nSend the message to 1 user\?$/);

  const { hubs } = await api('GET', 'hubs');
  const both = [3, 4].map((connections, n) => ({ ...hubs[0], instance: `hub-${n}`, connections }));
  await page.route('**/admin/hubs?**', (route) => route.fulfill({ json: { hubs: both } }));
  await open(page, 'overview');
  await h1(page, 'Overview').waitFor();
  const tile = page.locator('.tile').filter({ hasText: 'connections' });
  await tile.waitFor();
  assert.equal(await tile.locator('strong').textContent(), '7');
  await page.locator('.tile').filter({ hasText: 'users at this hub' }).waitFor();
  assert.deepEqual(page.troubles, []);
});
