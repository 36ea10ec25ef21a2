// Signing in to the console of a hub with tokens and API keys.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

const SECRET = 'only-for-this-test-0123456789abcdef';
const KEY = 'lk_only-for-this-test-0123456789abcdef';

/** A token as a backend would sign it (RFC 7519), for so many seconds. */
function token(sub, seconds, role = 'admin') {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub, login: 'ratna', roles: [role], iat: now, exp: now + seconds };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

let hub;
let browser;

before(async () => {
  const sha256 = createHash('sha256').update(KEY).digest('hex');
  hub = await Hub.start({
    env: {
      LONCENG_AUTH__METHODS: '["jwt"]',
      LONCENG_AUTH__JWT_SECRET: SECRET,
      LONCENG_AUTH__API_KEYS: `[{ name = "console", sha256 = "${sha256}", scopes = ["admin"] }]`,
    },
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

const field = (page) => page.getByLabel('Token or API key');
const expected = /status of (400|401|403)/;
const done = async (page) => {
  assert.deepEqual(
    page.troubles.filter((line) => !expected.test(line)),
    [],
  );
  await page.context().close();
};

/** Signs in on the first page. */
async function signIn(page, text) {
  await field(page).fill(text);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('the first visit says how to get a token, and shows nothing of the console', async () => {
  const page = await openPage(browser, hub, '/admin');
  await page.getByRole('heading', { level: 1, name: 'Sign in to the console' }).waitFor();
  await page.getByText('lonceng token --user NAME --role admin --ttl 8h').first().waitFor();
  await page.getByText('lonceng key new console --scope admin').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'nothing has failed');
  assert.equal(await page.getByRole('navigation').count(), 0);
  assert.equal(await page.getByRole('button', { name: 'Search' }).count(), 0);
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-sign-in');

  await signIn(page, 'nonsense');
  await page.getByRole('alert').filter({ hasText: 'neither a JSON Web Token' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0);

  // A header that was copied as a whole.
  await signIn(page, `Authorization: Bearer ${token('7', 600)}`);
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  await page.getByText('Signed in as ratna').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { level: 1, name: 'Sign in to the console' }).waitFor();
  assert.equal(await page.getByRole('navigation').count(), 0);
  await done(page);
});

test('an API key with the scope admin signs in', async () => {
  const page = await openPage(browser, hub, '/admin');
  await signIn(page, KEY);
  await page.getByText('Signed in as API key console').waitFor();
  await done(page);
});

test('what the hub says about a token is in the language of the console', async () => {
  const page = await openPage(browser, hub, '/admin', { locale: 'id-ID' });
  await page.getByLabel('Token atau kunci API').fill('nonsense');
  await page.getByRole('button', { name: 'Masuk' }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: 'token tidak diterima: bukan JSON Web Token' })
    .waitFor();
  await done(page);
});

test('a session that ends opens the sign-in in place, and the save continues', async () => {
  const page = await openPage(browser, hub, '/admin#types/NOTE_CREATED');
  await signIn(page, token('7', 600));
  const text = page.getByRole('textbox', { name: 'Text' });
  await text.fill('Edited: {title}');
  await page.getByText('Edited:').first().waitFor();
  // The token expires.
  await page.evaluate(
    (late) => {
      sessionStorage.setItem('lonceng console token', late);
    },
    token('7', -600),
  );
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign in again' });
  await dialog.getByText('it expired at').waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'console-sign-in-again');
  // A wrong token keeps it open; cancelling keeps the edit.
  await signIn(dialog, 'nonsense');
  await dialog.getByText('neither a JSON Web Token').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await until('the page says why', async () =>
    /not accepted/.test((await page.locator('#said').textContent()) ?? ''),
  );
  assert.equal(await text.inputValue(), 'Edited: {title}');
  await page.getByRole('button', { name: 'Save' }).click();
  await signIn(dialog, token('7', 600));
  await page.getByText('NOTE_CREATED is saved and in effect.').waitFor();
  const saved = await fetch(`${hub.base}/api/v1/admin/types/NOTE_CREATED`, {
    headers: { authorization: `Bearer ${KEY}` },
  });
  assert.equal((await saved.json()).template, 'Edited: {title}');
  await done(page);
});
