// Signing in of the bell: tokens that expire and are renewed, and cookie sessions.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Hub, freePort, launch, until } from './harness.mjs';
import { UNLIMITED, banner, becomes, bell, items, siteWith, status } from './page.mjs';

const SECRET = 'only-for-this-test-0123456789abcdef';

/** A token as a backend would sign it (RFC 7519), for so many seconds. */
function token(sub, seconds, role = 'user') {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub, roles: [role], iat: now, exp: now + seconds };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

describe('the bell signs in', () => {
  let browser;
  let hub;
  let site;
  let life = 3_600;
  let given = 0;
  const redis = process.env.LONCENG_TEST_REDIS;
  before(async () => {
    browser = await launch();
    const port = await freePort();
    hub = await Hub.start({
      env: {
        ...UNLIMITED,
        LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]`,
        LONCENG_SERVER__HEARTBEAT_SECONDS: '1',
        LONCENG_AUTH__METHODS: redis ? '["jwt","cookie"]' : '["jwt"]',
        LONCENG_AUTH__JWT_SECRET: SECRET,
        LONCENG_REDIS__URL: redis ?? '',
      },
    });
    site = await siteWith(
      port,
      () => `<lonceng-bell></lonceng-bell><script type="module">
        import '${hub.base}/lonceng.js';
        window.statuses = [];
        document.addEventListener('lonceng:status', (event) => {
          window.statuses.push(event.detail.status);
        });
      </script>`,
      { '/token': () => ((given += 1), life ? token('ani', life) : '') },
    );
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.close();
  });
  const admin = (method, address, body) =>
    fetch(`${hub.base}${address}`, {
      method,
      headers: { authorization: `Bearer ${token('boss', 600, 'admin')}` },
      body: body && JSON.stringify(body),
    }).then((answer) => answer.json().catch(() => ({})));
  const open = async (more = async () => {}) => {
    given = 0;
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await more(context);
    await page.goto(site.base);
    await page.evaluate(() => customElements.whenDefined('lonceng-bell'));
    return page;
  };
  const useGetToken = (page) =>
    page.evaluate(() => {
      document.querySelector('lonceng-bell').getToken = async () => (await fetch('/token')).text();
    });

  test('getToken is called to connect, before a token expires, and after a sign-out', async () => {
    life = 3_600;
    const page = await open();
    await useGetToken(page);
    await becomes(page, 'online');
    assert.equal(given, 1);
    const { connected_clients: clients } = await admin('GET', '/api/v1/admin/clients');
    await admin(
      'DELETE',
      `/api/v1/admin/clients/${clients.find((one) => one.user_id === 'ani').client_id}`,
    );
    await until('it is asked again', async () => given === 2);
    await becomes(page, 'online');
    await admin('POST', '/api/v1/events', {
      type: 'NOTE_CREATED',
      user_id: 'ani',
      title: 'After',
    });
    await until(
      'it goes on',
      async () => (await bell(page).locator('.badge').textContent()) === '1',
    );
    const statuses = await page.evaluate(() => window.statuses);
    assert.ok(
      !statuses.slice(statuses.indexOf('online')).includes('unauthorized'),
      statuses.join(),
    );
    await page.context().close();
  });

  test('elements with one getToken ask once, and share the inbox', async () => {
    life = 3_600;
    const page = await open();
    const sockets = [];
    page.on('websocket', (socket) => sockets.push(socket));
    const refused = [];
    page.on('response', (response) => response.status() === 401 && refused.push(response.url()));
    await page.evaluate(() => {
      const getToken = async () => (await fetch('/token')).text();
      const inbox = document.createElement('lonceng-inbox');
      document.body.append(inbox);
      for (const one of [document.querySelector('lonceng-bell'), inbox]) one.getToken = getToken;
    });
    await becomes(page, 'online');
    await page.locator('lonceng-inbox .list').waitFor();
    assert.deepEqual([given, sockets.length], [1, 1]);
    assert.deepEqual(refused, [], 'no request goes without the token');
    assert.ok(
      await page.evaluate(
        () =>
          document.querySelector('lonceng-inbox').client ===
          document.querySelector('lonceng-bell').client,
      ),
    );
    await page.context().close();
  });

  test('getToken takes effect on a bell that has a token', async () => {
    life = 3_600;
    const page = await open();
    await page.evaluate(
      (first) => document.querySelector('lonceng-bell').setAttribute('token', first),
      token('ani', 4),
    );
    await becomes(page, 'online');
    await useGetToken(page);
    await until('it is asked before the first token expires', async () => given >= 1);
    await until('the hub takes the next one', async () => (await status(page)) === 'online');
    await page.context().close();
  });

  test('a token is renewed before it expires, without a change of status', async () => {
    // It is renewed after half of its lifetime.
    life = 12;
    const page = await open();
    await useGetToken(page);
    await becomes(page, 'online');
    await until('it is replaced twice', async () => given >= 3, 30);
    assert.ok(given <= 4, `not in a tight loop: ${given}`);
    assert.equal(await status(page), 'online');
    const statuses = await page.evaluate(() => window.statuses);
    assert.deepEqual(statuses.slice(statuses.indexOf('online')), ['online']);
    await page.context().close();
  });

  test('what is not a token is refused with a warning that does not show it', async () => {
    const page = await open();
    const warnings = [];
    page.on('console', (message) => warnings.push(message.text()));
    const secret = token('ani', 600);
    await page.evaluate((text) => {
      document.querySelector('lonceng-bell').getToken = async () => JSON.stringify({ token: text });
    }, secret);
    await until('the warning', () => warnings.some((text) => /is not a token/.test(text)));
    await until('the status', async () => (await status(page)) === 'unauthorized');
    assert.deepEqual(
      warnings.filter((text) => text.includes(secret)),
      [],
    );
    await page.context().close();
  });

  test('without a token the bell reports it, retries, and recovers', async () => {
    life = 0;
    const page = await open();
    await useGetToken(page);
    await becomes(page, 'unauthorized');
    await bell(page).locator('.bell').click();
    await until('the banner says so', async () => /not signed in/.test(await banner(page)));
    assert.ok(given <= 2, `${given}`);
    life = 600;
    await becomes(page, 'online');
    assert.equal(await banner(page), '');
    await page.context().close();
  });

  test('an expired token is reported, and another one restores the connection', async () => {
    const page = await open();
    await page.evaluate(
      (expired) => document.querySelector('lonceng-bell').setAttribute('token', expired),
      token('ani', -600),
    );
    await becomes(page, 'unauthorized');
    await page.evaluate(
      (good) => document.querySelector('lonceng-bell').setAttribute('token', good),
      token('ani', 600),
    );
    await becomes(page, 'online');
    // A new token of the same user does not replace the client.
    await page.evaluate(() => (window.client = document.querySelector('lonceng-bell').client));
    await page.evaluate(
      (good) => document.querySelector('lonceng-bell').setAttribute('token', good),
      token('ani', 900),
    );
    await becomes(page, 'online');
    assert.ok(
      await page.evaluate(() => document.querySelector('lonceng-bell').client === window.client),
    );
    await page.context().close();
  });

  test(
    'a cookie session signs in, its end signs out, and the next one signs in again',
    { skip: !redis && 'there is no Redis' },
    async () => {
      const session = `browser-test-${process.pid}`;
      const cli = (...command) => execFileSync('redis-cli', ['-u', redis, ...command]);
      const begin = () =>
        cli(
          'SET',
          `session:${session}`,
          JSON.stringify({ user_id: 'citra', login: 'citra', role: 'user' }),
          'EX',
          '600',
        );
      begin();
      const page = await open((context) =>
        context.addCookies([
          {
            name: 'session_id',
            value: session,
            domain: '127.0.0.1',
            path: '/',
          },
        ]),
      );
      await page.evaluate(() =>
        document.querySelector('lonceng-bell').setAttribute('auth', 'cookie'),
      );
      await becomes(page, 'online');
      await admin('POST', '/api/v1/events', {
        type: 'NOTE_CREATED',
        user_id: 'citra',
        title: 'Cookie',
      });
      await until(
        'it is counted',
        async () => (await bell(page).locator('.badge').textContent()) === '1',
      );
      await bell(page).locator('.bell').click();
      await until('it is listed', async () => (await items(page).count()) === 1);
      cli('DEL', `session:${session}`);
      await becomes(page, 'unauthorized');
      await until(
        'nothing of it is left on the screen',
        async () =>
          (await items(page).count()) === 0 && !(await bell(page).locator('.badge').isVisible()),
      );
      assert.match(await banner(page), /sign-in has ended/);
      begin();
      // The page becomes visible again.
      await until('it comes back', async () => {
        await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
        return (await status(page)) === 'online';
      });
      await until('and so does the list', async () => (await items(page).count()) === 1);
      cli('DEL', `session:${session}`);
      await page.context().close();
    },
  );
});
