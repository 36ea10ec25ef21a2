// The API documentation: sections, search, code that runs, requests that reach the hub.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

const run = promisify(execFile);

/** Ways to run the code of a tab. */
const RUNNERS = {
  curl: (code) => run('sh', ['-c', code]),
  JavaScript: (code) => run(process.execPath, ['--input-type=module', '--eval', code]),
  Python: (code) => run('python3', ['-c', code]),
};

const DEV = '?user_id=budi&role=admin';

describe('the API documentation', () => {
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

  /** Opens the page at an anchor. */
  async function open(hash, options) {
    const page = await openPage(browser, hub, `/docs${DEV}${hash && '#'}${hash}`, options);
    await page.getByRole('heading', { level: 2 }).waitFor();
    return page;
  }

  async function done(page) {
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  }

  const entry = (page, hash) => page.locator(`[id="${hash}"]`);
  const unread = async (user) =>
    (await hub.api('GET', `/api/v1/notifications/unread-count?user_id=${user}`)).unread;

  test('one section at a time; every operation, message and schema has its anchor', async () => {
    const page = await open('');
    const [http, socket] = await Promise.all(
      ['/openapi.json', '/asyncapi.json'].map((path) => hub.api('GET', path)),
    );
    const anchors = [
      ...Object.entries(http.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method}-${path}`),
      ),
      ...Object.keys(socket.components.messages),
      ...Object.keys(http.components.schemas).map((name) => `schema-${name}`),
    ];
    const linked = await page
      .locator('nav ul ul a')
      .evaluateAll((links) => links.map((link) => decodeURIComponent(link.hash.slice(1))));
    assert.deepEqual(linked.toSorted(), anchors.toSorted());
    for (const section of ['start', 'publish', 'inbox', 'admin', 'websocket', 'schemas']) {
      await page.locator(`nav a.section[href="#${section}"]`).click();
      await page.locator(`main > section#${section}`).waitFor();
      assert.equal(await page.locator('main > section').count(), 1);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      assert.ok(height < 5000, `${section} is ${height} px high`);
      assert.equal(await page.locator(`a[aria-current]`).count(), 1);
    }
    await done(page);
  });

  test('a link to an operation opens it, also by the button, and back goes back', async () => {
    const page = await open('put-/api/v1/admin/types/{code}');
    const type = entry(page, 'put-/api/v1/admin/types/{code}');
    await type.getByRole('heading', { name: 'Parameters' }).waitFor();
    assert.equal(await page.locator('.inside:visible').count(), 1);
    await type.getByRole('link', { name: 'TypeWritten' }).first().click();
    await entry(page, 'schema-TypeWritten').getByText('display_name', { exact: true }).waitFor();
    await page.goBack();
    await type.getByRole('heading', { name: 'Parameters' }).waitFor();
    const opener = type.locator('.opener');
    await opener.click();
    assert.equal(await opener.getAttribute('aria-expanded'), 'false');
    assert.equal(await type.locator('.inside').isVisible(), false);
    await entry(page, 'get-/api/v1/admin/stats').locator('.opener').press('Enter');
    assert.equal(new URL(page.url()).hash, '#get-/api/v1/admin/stats');
    await done(page);
  });

  test('the search is there at /, by the keyboard alone', async () => {
    const page = await open('');
    await page.keyboard.press('/');
    await page.keyboard.type('idempotency-key');
    await page.locator('#results a').first().waitFor();
    assert.match(await page.locator('#results').textContent(), /POST \/api\/v1\/notify/);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#results').isVisible(), false);
    await page.locator('#search').fill('unsubscribe_push nothing');
    assert.match(await page.locator('#results').textContent(), /Nothing has all of these words/);
    // An operation by the end of its path comes first, then schemas, then members.
    await page.locator('#search').fill('preferences');
    const titles = await page
      .locator('#results li')
      .evaluateAll((rows) =>
        rows.map(
          (row) =>
            row.querySelector('.kind').textContent + ' ' + row.querySelector('code').textContent,
        ),
      );
    const operations = titles.findIndex((title) => !title.startsWith('Operation '));
    assert.ok(operations >= 2, titles.join());
    for (const title of titles.slice(0, operations)) assert.match(title, /\/preferences$/);
    assert.match(titles[operations], /^Schema Preferences/);
    assert.ok(titles.findIndex((title) => title.startsWith('Member ')) > operations, titles.join());
    await page.locator('#search').fill('snooze');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    const snooze = entry(page, 'post-/api/v1/notifications/{id}/snooze');
    await snooze.getByRole('heading', { name: 'Responses' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('notification.push');
    await page.keyboard.press('Enter');
    await entry(page, 'notification.push').getByText('"notification_id"').waitFor();
    await done(page);
  });

  test('the code of each tab runs, and does what the request does', async () => {
    const page = await open('post-/api/v1/events');
    const panel = entry(page, 'post-/api/v1/events').locator('.request');
    for (const [name, runner] of Object.entries(RUNNERS)) {
      const user = `reader-${name.toLowerCase()}`;
      const body = { type: 'NOTE_CREATED', user_id: user, title: `It's "${name}" – é` };
      await panel.getByLabel('Body').fill(JSON.stringify(body));
      await panel.getByRole('tab', { name }).click();
      const { stdout } = await runner(
        await panel.getByRole('tabpanel').locator('code').textContent(),
      );
      assert.match(stdout, /"outcome":"accepted"/, name);
      const { items } = await hub.api('GET', `/api/v1/notifications?user_id=${user}`);
      assert.match(items[0].message, new RegExp(`It's "${name}" – é`));
    }
    await panel.getByRole('tab', { name: 'curl' }).focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(
      await panel.getByRole('tab', { name: 'JavaScript' }).getAttribute('aria-selected'),
      'true',
    );
    await page.locator('nav a[href="#inbox"]').click();
    await entry(page, 'get-/api/v1/notifications').locator('.opener').click();
    const list = entry(page, 'get-/api/v1/notifications').locator('.request');
    await list.getByLabel('limit').fill('1');
    for (const [name, runner] of Object.entries(RUNNERS)) {
      await list.getByRole('tab', { name }).click();
      const { stdout } = await runner(
        await list.getByRole('tabpanel').locator('code').textContent(),
      );
      assert.match(stdout, /"items":\[/, name);
    }
    await done(page);
  });

  test('the quick start publishes, and the notification arrives in the bell', async () => {
    const page = await open('');
    await page.getByRole('button', { name: 'Send request' }).click();
    await page.locator('.status').getByText('202 Accepted').waitFor();
    const bell = page.locator('lonceng-bell');
    await until(
      'the badge counts',
      async () => (await bell.locator('.badge').textContent()) === '1',
    );
    await page.getByRole('button', { name: 'Send request' }).click();
    await bell.locator('.toast').first().waitFor();
    await shot(page, 'docs-start');
    await done(page);
  });

  test('a request is what the form says; status, headers and time are shown', async () => {
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'budi', title: 'To be read' });
    const page = await open('post-/api/v1/notifications/{id}/read');
    const operation = entry(page, 'post-/api/v1/notifications/{id}/read');
    const before = await unread('budi');
    await operation.getByRole('button', { name: 'Use one that the hub has' }).click();
    const [{ notification_id: id }] = (await hub.api('GET', '/api/v1/notifications?user_id=budi'))
      .items;
    await until('the id is filled in', async () =>
      (await operation.locator('[role=tabpanel]:visible').textContent()).includes(id),
    );
    await operation.getByRole('button', { name: 'Send request' }).click();
    await operation.getByText('200 OK').waitFor();
    assert.match(await operation.locator('.status').textContent(), /in \d+ ms/);
    assert.match(await operation.locator('.headers').textContent(), /application\/json/);
    assert.equal(await unread('budi'), before - 1);
    await done(page);
  });

  test('an ID that the hub has is filled in for a delivery', async () => {
    const page = await open('post-/api/v1/admin/deliveries/{id}/retry');
    let items = [];
    await page.route('**/api/v1/admin/deliveries?*', (route) =>
      route.fulfill({ json: { items, next_cursor: null } }),
    );
    const operation = entry(page, 'post-/api/v1/admin/deliveries/{id}/retry');
    const fill = operation.getByRole('button', { name: 'Use one that the hub has' });
    await fill.click();
    await operation.getByText('The hub has none.').waitFor();
    items = [{ delivery_id: 'd-1', notification_id: 'n-1' }];
    await fill.click();
    await until('the ID is filled in', async () =>
      (await operation.locator('[role=tabpanel]:visible').textContent()).includes('/d-1/retry'),
    );
    await done(page);
  });

  test('the body that a form begins with is one that the hub takes', async () => {
    const { paths } = await hub.api('GET', '/openapi.json');
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'budi', title: 'To be snoozed' });
    const page = await open('');
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { requestBody }] of Object.entries(methods)) {
        if (!requestBody?.content['application/json']) continue;
        const hash = `${method}-${path}`;
        await page.evaluate((to) => (location.hash = to), hash);
        const operation = entry(page, hash);
        const answer = page.waitForResponse((one) => one.request().method() !== 'GET');
        await operation.getByRole('button', { name: 'Send request' }).click();
        assert.notEqual((await answer).status(), 400, hash);
        await operation.locator('.status').waitFor();
      }
    // What is not there is 404, which the browser logs.
    await page.context().close();
  });

  test('a stream is shown as it arrives, and stopped', async () => {
    const page = await open('get-/api/v1/stream');
    const operation = entry(page, 'get-/api/v1/stream');
    await operation.getByRole('button', { name: 'Send request' }).click();
    await operation.locator('.response').getByText('connected').waitFor();
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'budi', title: 'Streamed' });
    await operation.locator('.response').getByText('Streamed').waitFor();
    await operation.getByRole('button', { name: 'Stop' }).click();
    await operation.getByRole('button', { name: 'Send request' }).waitFor();
    await done(page);
  });

  test('the WebSocket console sends and receives', async () => {
    const page = await open('websocket');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.locator('.lines').getByText('"connected"').waitFor();
    await page.getByRole('button', { name: 'Send message' }).click();
    await page.locator('.lines').getByText('"pong"').waitFor();
    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.locator('.lines').getByText('Closed: 1000').waitFor();
    for (const direction of ['From the hub', 'To the hub'])
      await page.getByRole('heading', { name: direction }).waitFor();
    await done(page);
  });

  test('another identity is used at once, and a token stays out of the code', async () => {
    const page = await open('get-/api/v1/notifications/unread-count');
    const operation = entry(page, 'get-/api/v1/notifications/unread-count');
    const code = operation.locator('[role=tabpanel]:visible code');
    assert.match(await code.textContent(), /user_id=budi/);
    await page.getByRole('button', { name: 'budi (admin)' }).click();
    await page.getByLabel('Identity').selectOption('Token or API key');
    await page.getByLabel('Token', { exact: true }).fill('secret-token');
    await page.getByRole('button', { name: 'Use it' }).click();
    assert.match(await code.textContent(), /Bearer \$LONCENG_TOKEN/);
    assert.doesNotMatch(await page.locator('body').textContent(), /secret-token/);
    const request = page.waitForRequest('**/unread-count');
    await operation.getByRole('button', { name: 'Send request' }).click();
    assert.equal((await request).headers().authorization, 'Bearer secret-token');
    // The identity in the address is not used once a reader has chosen another.
    await page.reload();
    await page.getByRole('heading', { level: 2 }).waitFor();
    assert.equal(await page.locator('#identity').textContent(), 'Token');
    await page.context().close();
  });

  test('the first identity changes no user of the directory', async () => {
    const known = { login: 'budi.s', roles: ['member'] };
    await hub.api('PUT', '/api/v1/admin/directory/budi', known);
    const page = await openPage(browser, hub, '/docs#get-/api/v1/preferences');
    const code = (hash) => entry(page, hash).locator('[role=tabpanel]:visible code').textContent();
    assert.match(await code('get-/api/v1/preferences'), /\/preferences\?user_id=budi'$/);
    const sends = async (hash) => {
      await page.evaluate((to) => (location.hash = to), hash);
      await entry(page, hash).getByRole('button', { name: 'Send request' }).click();
      await entry(page, hash).locator('.status.good').waitFor();
    };
    await sends('get-/api/v1/preferences');
    // A publisher or an administrator is the developer.
    await sends('post-/api/v1/events');
    assert.match(await code('post-/api/v1/events'), /\/api\/v1\/events'/);
    await sends('get-/api/v1/admin/types');
    const { login, roles } = await hub.api('GET', '/api/v1/admin/directory/budi');
    assert.deepEqual({ login, roles }, known);
    assert.equal(await page.locator('#identity').textContent(), 'budi');
    await done(page);
  });

  test('without dev sign-in nothing is sent as a user, and a 401 says what to do', async () => {
    const env = { LONCENG_AUTH__METHODS: 'jwt', LONCENG_AUTH__JWT_SECRET: 'x'.repeat(32) };
    const other = await Hub.start({ env });
    const page = await openPage(browser, other, '/docs#get-/api/v1/preferences');
    const operation = entry(page, 'get-/api/v1/preferences');
    const code = await operation.locator('[role=tabpanel]:visible code').textContent();
    assert.match(code, /\/preferences' \\\n {2}-H "Authorization: Bearer/);
    assert.equal(await page.locator('#identity').textContent(), 'Sign in');
    await operation.getByRole('button', { name: 'Send request' }).click();
    await operation.getByText('The hub does not know who sends this.').waitFor();
    await operation.getByRole('button', { name: 'Choose an identity' }).click();
    await page.getByLabel('Token', { exact: true }).waitFor();
    assert.deepEqual(await violations(page), []);
    await shot(page, 'docs-unauthorized');
    await page.context().close();
    await other.stop();
  });

  test('the copy button copies what is shown', async () => {
    const page = await open('post-/api/v1/notify');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy: request in curl' }).click();
    await page.getByText('Copied').first().waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, await page.locator('[role=tabpanel]:visible code').textContent());
    await done(page);
  });

  test('by touch, on a phone: sections, search, an operation', async () => {
    const page = await open('', { viewport: { width: 360, height: 740 }, hasTouch: true });
    await page.getByText('Sections').tap();
    await page.locator('nav a.section[href="#inbox"]').tap();
    await page.getByRole('heading', { name: 'Inbox', level: 2 }).waitFor();
    assert.equal(await page.locator('#sections').isVisible(), false);
    const count = entry(page, 'get-/api/v1/notifications/unread-count');
    await count.locator('.opener').tap();
    await count.getByRole('button', { name: 'Send request' }).tap();
    await count.getByText('200 OK').waitFor();
    await page.locator('#search').tap();
    await page.locator('#search').fill('recall');
    await page.locator('#results').getByText('DELETE /api/v1/events/{event_id}').first().tap();
    await entry(page, 'delete-/api/v1/events/{event_id}')
      .getByRole('heading', { name: 'Responses' })
      .waitFor();
    await shot(page, 'docs-phone');
    await done(page);
  });

  for (const width of [320, 480, 768, 1024, 1440, 2560]) {
    test(`nothing is wider than ${width} px`, async () => {
      const page = await open('', { viewport: { width, height: 900 } });
      for (const hash of ['start', 'post-/api/v1/events', 'notification.push', 'schema-Type']) {
        await page.evaluate((to) => (location.hash = to), hash);
        await page.locator(`[id="${hash}"]`).waitFor();
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(over, 0, hash);
      }
      await done(page);
    });
  }

  for (const look of [
    { colorScheme: 'light' },
    { colorScheme: 'dark' },
    { forcedColors: 'active' },
    { viewport: { width: 320, height: 640 } },
  ]) {
    test(`axe finds nothing: ${JSON.stringify(look)}`, async () => {
      const page = await open('', look);
      assert.deepEqual(await violations(page), [], 'quick start');
      for (const hash of ['post-/api/v1/events', 'notification.push', 'schema-Type', 'admin']) {
        await page.evaluate((to) => (location.hash = to), hash);
        await page.locator(`[id="${hash}"]`).waitFor();
        assert.deepEqual(await violations(page), [], hash);
      }
      await page.locator('#search').fill('type');
      assert.deepEqual(await violations(page), [], 'results');
      await page.keyboard.press('Escape');
      await page.locator('#identity').click();
      assert.deepEqual(await violations(page), [], 'identity');
      await done(page);
    });
  }
});
