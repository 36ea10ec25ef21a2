// A bell that may not connect: no identity, a refused token or origin, a hub that is away.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { LANGUAGES } from '../../web/src/messages.js';
import { Hub, freePort, launch, shot, until, violations } from './harness.mjs';
import { UNLIMITED, banner, becomes, bell, items, siteWith, status } from './page.mjs';

const SECRET = 'only-for-this-test-0123456789abcdef';

/** A token as a backend would sign it (RFC 7519), for so many seconds. */
function token(sub, seconds, secret = SECRET, role = 'user') {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub, roles: [role], exp: Math.floor(Date.now() / 1000) + seconds };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** Texts of English that Indonesian has another one for. */
const ENGLISH = Object.entries(LANGUAGES.en)
  .filter(([key, text]) => LANGUAGES.id[key] && LANGUAGES.id[key] !== text)
  .filter(([, text]) => text.length > 3 && !text.includes('{'))
  .map(([, text]) => text);

describe('a bell that may not connect', () => {
  let browser;
  let hub;
  let site;
  let body = '';
  let script = '';
  before(async () => {
    browser = await launch();
    const port = await freePort();
    hub = await Hub.start({
      env: {
        ...UNLIMITED,
        LONCENG_SERVER__ALLOWED_ORIGINS: `["http://127.0.0.1:${port}"]`,
        LONCENG_AUTH__METHODS: '["jwt"]',
        LONCENG_AUTH__JWT_SECRET: SECRET,
      },
    });
    script = `${hub.base}/lonceng.js`;
    site = await siteWith(
      port,
      () => `${body}<script type="module">
        window.seen = [];
        document.addEventListener('lonceng:status', ({ detail }) => window.seen.push(detail));
        await import('${script}');
      </script>`,
    );
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.close();
  });

  /** Opens a page with this content; `prepare` is called before. */
  async function open(html, options = {}, prepare = async () => {}, address = site.base) {
    body = html;
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.warnings = [];
    page.on(
      'console',
      (message) => message.type() === 'warning' && page.warnings.push(message.text()),
    );
    await prepare(page);
    await page.goto(address);
    return page;
  }
  const defined = (page) => page.evaluate(() => customElements.whenDefined('lonceng-bell').then());
  const seen = (page) => page.evaluate(() => window.seen.map((detail) => detail.status));
  const reason = (page) => page.evaluate(() => window.seen.at(-1)?.reason);
  const useToken = (page, value) =>
    page.evaluate(
      (one) => document.querySelector('lonceng-bell').setAttribute('token', one),
      value,
    );
  const admin = (method, address, sent) =>
    fetch(`${hub.base}${address}`, {
      method,
      headers: { authorization: `Bearer ${token('boss', 600, SECRET, 'admin')}` },
      body: sent && JSON.stringify(sent),
    });
  /** Stops the time of a page, before its elements are defined. */
  const paused = async (page) => {
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 1_000);
  };

  test('getToken may be set up to a second after the element is connected', async () => {
    const requests = [];
    const page = await open('<lonceng-bell></lonceng-bell>', {}, async (opened) => {
      opened.on('request', (request) => requests.push(request.url()));
      await paused(opened);
    });
    await defined(page);
    await bell(page).locator('.bell').click();
    await page.clock.runFor(950);
    assert.equal(await status(page), 'connecting');
    assert.deepEqual(
      requests.filter((url) => url.includes('/api/')),
      [],
      'it asks for nothing',
    );
    await page.evaluate(
      (good) => {
        document.querySelector('lonceng-bell').getToken = async () => good;
      },
      token('late', 600),
    );
    await page.clock.resume();
    await becomes(page, 'online');
    assert.deepEqual(await seen(page), ['connecting', 'online']);
    assert.deepEqual(page.warnings, []);
    await page.context().close();
  });

  test('without an identity it is unauthorized after a second, and says what to set', async () => {
    const page = await open('<lonceng-bell></lonceng-bell>', {}, paused);
    await defined(page);
    await page.clock.runFor(900);
    assert.deepEqual(await seen(page), ['connecting']);
    await page.clock.runFor(200);
    assert.deepEqual(await seen(page), ['connecting', 'unauthorized']);
    assert.match(await reason(page), /set the attribute token, the property getToken, or auth/);
    await until('the console says it', () =>
      page.warnings.some((text) => /<lonceng-bell> has no identity: set/.test(text)),
    );
    await page.clock.resume();
    await useToken(page, token('late', 600));
    await becomes(page, 'online');
    await page.context().close();
  });

  test('what the hub says about a token is in the event, the console and the log', async () => {
    const wrong = token('u', 600, 'another secret of thirty-two byte');
    const expired = token('u', -600);
    const page = await open(`<lonceng-bell token="${wrong}"></lonceng-bell>`);
    await becomes(page, 'unauthorized');
    assert.match(await reason(page), /its signature does not match: .* another secret or key/);
    await useToken(page, expired);
    await until('the next reason', async () =>
      /it expired at 20\d\d-\d\d-\d\dT/.test(await reason(page)),
    );
    assert.match(page.warnings[0], /^Lonceng: unauthorized: .*signature does not match/);
    assert.match(page.warnings[1], /^Lonceng: unauthorized: .*it expired at/);
    await until('the log says both', () =>
      ['its signature does not match', 'it expired at'].every((text) =>
        hub.log
          .split('\n')
          .some((line) => /WARN/.test(line) && line.includes(text) && line.includes(site.base)),
      ),
    );
    for (const said of [...page.warnings, hub.log])
      for (const one of [wrong, expired]) assert.ok(!said.includes(one.split('.')[2]), said);
    await page.context().close();
  });

  test('only the banner is shown, and the keys of the panel stay', async () => {
    for (const [width, colorScheme, lang] of [
      [320, 'light', 'en'],
      [320, 'dark', 'id'],
      [1440, 'light', 'id'],
      [1440, 'dark', 'en'],
    ]) {
      const page = await open(
        `<lonceng-bell lang="${lang}" token="${token('u', -600)}"></lonceng-bell>`,
        { viewport: { width, height: 720 }, colorScheme },
      );
      await becomes(page, 'unauthorized');
      await bell(page).locator('.bell').click();
      await until('the banner', async () => (await banner(page)) === LANGUAGES[lang].unauthorized);
      for (const part of ['.tabs', '.find', '.gear', '.heading + .quiet', '.body', '.search'])
        assert.equal(await bell(page).locator(part).isVisible(), false, part);
      for (const key of ['/', '?', 'j']) await page.keyboard.press(key);
      assert.equal(await bell(page).locator('.search').isVisible(), false);
      assert.equal(await bell(page).locator('.keys').isVisible(), false);
      assert.deepEqual(await violations(page), []);
      await shot(page, `unauthorized-${width}-${colorScheme}`);
      await page.keyboard.press('Escape');
      assert.equal(await bell(page).locator('.panel').isVisible(), false);
      await page.context().close();
    }
  });

  test('an inbox and settings that may not connect show only the banner too', async () => {
    const expired = token('u', -600);
    const page = await open(
      `<div style="height:400px"><lonceng-inbox token="${expired}"></lonceng-inbox></div>
       <lonceng-preferences token="${expired}"></lonceng-preferences>`,
      { viewport: { width: 600, height: 800 } },
    );
    for (const name of ['lonceng-inbox', 'lonceng-preferences']) {
      const element = page.locator(name);
      await element.getByText(LANGUAGES.en.unauthorized).waitFor();
      assert.equal(await element.locator('button:visible').count(), 0, name);
    }
    assert.deepEqual(await violations(page), []);
    await shot(page, 'unauthorized-inbox');
    await page.context().close();
  });

  test('a sign-out closes the settings, and the next sign-in brings everything back', async () => {
    await admin('POST', '/api/v1/events', { type: 'NOTE_CREATED', user_id: 'out', title: 'One' });
    const page = await open(`<lonceng-bell token="${token('out', 600)}"></lonceng-bell>`);
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    await bell(page).locator('.gear').click();
    await bell(page).locator('.settings .save').focus();
    await admin('DELETE', '/api/v1/admin/users/out/clients');
    await becomes(page, 'unauthorized');
    await until('the banner', async () => (await banner(page)) === LANGUAGES.en.unauthorized);
    for (const part of ['.settings', '.gear', '.tabs', '.item'])
      assert.equal(await bell(page).locator(part).isVisible(), false, part);
    assert.equal(await bell(page).locator('.heading').textContent(), 'Notifications');
    assert.match(await reason(page), /the token has expired, or the user was signed out/);
    await useToken(page, token('out', 900));
    await until('it is listed again', async () => (await items(page).count()) === 1);
    for (const part of ['.gear', '.tabs', '.heading + .quiet'])
      assert.equal(await bell(page).locator(part).isVisible(), true, part);
    await page.keyboard.press('Escape');
    assert.equal(await bell(page).locator('.panel').isVisible(), false, 'the focus was kept');
    await page.context().close();
  });

  test('content of an element is shown while the script cannot be loaded, and not after', async () => {
    const names = ['bell', 'inbox', 'toasts', 'preferences'];
    const html = names
      .map((name) => `<lonceng-${name}><a href="/all">All of ${name}</a></lonceng-${name}>`)
      .join('');
    const good = script;
    script = `http://127.0.0.1:${await freePort()}/lonceng.js`;
    const without = await open(html);
    for (const name of names)
      assert.equal(await without.getByText(`All of ${name}`).isVisible(), true, name);
    await without.context().close();
    script = good;
    const page = await open(html);
    await defined(page);
    for (const name of names)
      assert.equal(await page.getByText(`All of ${name}`).isVisible(), false, name);
    assert.ok(await bell(page).locator('.bell').isVisible());
    await page.context().close();
  });

  test('every state is in Indonesian', async () => {
    const foreign = await siteWith(
      await freePort(),
      () => `<lonceng-bell lang="id" token="${token('id', 600)}"></lonceng-bell>
        <script type="module" src="${hub.base}/lonceng.js"></script>`,
    );
    const check = async (page, state) => {
      const texts = await bell(page)
        .locator('.panel')
        .evaluate((panel) =>
          [panel, ...panel.querySelectorAll('*')].flatMap((one) => [
            ...[...one.childNodes].map((node) => (node.nodeType === 3 ? node.data : '')),
            ...['aria-label', 'title', 'placeholder'].map((name) => one.getAttribute(name) ?? ''),
          ]),
        );
      const known = texts.join('\n');
      const english = ENGLISH.filter((text) => texts.some((one) => one.trim() === text));
      assert.deepEqual(english, [], `${state}: ${known}`);
      await shot(page, `indonesian-${state}`);
    };
    const refused = await open('', {}, undefined, foreign.base);
    await becomes(refused, 'forbidden');
    await bell(refused).locator('.bell').click();
    await until('the banner', async () => (await banner(refused)) === LANGUAGES.id.forbidden);
    await check(refused, 'forbidden');
    await refused.context().close();
    await foreign.close();

    const page = await open(`<lonceng-bell lang="id" token="${token('id', 600)}"></lonceng-bell>`);
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    await bell(page).getByText(LANGUAGES.id.empty).waitFor();
    await check(page, 'empty');
    await admin('POST', '/api/v1/events', { type: 'NOTE_CREATED', user_id: 'id', title: 'Satu' });
    await until('it is listed', async () => (await items(page).count()) === 1);
    await items(page).locator('.more').click();
    await check(page, 'menu');
    await page.keyboard.press('Escape');
    await bell(page).locator('.gear').click();
    await bell(page).locator('.settings .save').waitFor();
    await check(page, 'settings');
    await bell(page).locator('.gear').click();
    await hub.halt('SIGKILL');
    await until('the banner', async () => (await banner(page)) === LANGUAGES.id.offline);
    await check(page, 'offline');
    await hub.run();
    await page.context().close();
  });
});
