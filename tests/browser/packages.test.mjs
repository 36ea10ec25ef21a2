// The packages @lonceng/client and @lonceng/react, as an application gets them: packed, installed
// into a project with Vite and TypeScript, on another origin than the hub's.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Hub, launch, screenshots, until } from './harness.mjs';
import { Site } from './site.mjs';

const run = promisify(execFile);
const packages = fileURLToPath(new URL('../../packages', import.meta.url));
const example = fileURLToPath(new URL('./packages-app', import.meta.url));
const SECRET = 'only-for-this-test-0123456789abcdef';

/** Versions of React that are supported besides the one of the project. */
const REACT_18 = [
  'react@18.3.1',
  'react-dom@18.3.1',
  '@types/react@18.3.32',
  '@types/react-dom@18.3.7',
];

/** Builds and packs both packages. Returns what npm says of the archives, and their paths. */
async function pack(folder) {
  const archives = [];
  await run('node', [path.join(packages, 'build.mjs'), 'react']);
  for (const name of ['client', 'react']) {
    const options = { cwd: path.join(packages, name) };
    const more = ['--json', '--ignore-scripts', '--pack-destination', folder];
    const [packed] = JSON.parse((await run('npm', ['pack', ...more], options)).stdout);
    archives.push({ ...packed, path: path.join(folder, packed.filename) });
  }
  return archives;
}

describe('the packages', () => {
  let folder;
  let archives;
  let hub;
  let site;
  let browser;
  const install = (...names) =>
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...names], {
      cwd: folder,
    });
  /** Runs a command of the project. */
  const tool = async (command, ...args) => {
    try {
      return await run(path.join(folder, 'node_modules/.bin', command), args, {
        cwd: folder,
        env: { ...process.env, NODE_ENV: 'development' },
      });
    } catch (error) {
      throw new Error(`${command}: ${error.stdout}${error.stderr}`, { cause: error });
    }
  };
  /** Opens the application, and counts its connections. */
  const open = async (query, { address = site.base, page: build = 'dist/' } = {}) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.troubles = [];
    page.sockets = [];
    page.asked = 0;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) page.troubles.push(message.text());
    });
    page.on('pageerror', (error) => page.troubles.push(String(error)));
    page.on('websocket', (socket) => page.sockets.push(socket));
    page.on('request', (request) => {
      page.asked += Number(new URL(request.url()).pathname === '/token.txt');
    });
    await page.goto(`${address}/${build}?${new URLSearchParams(query)}`);
    return page;
  };
  const online = (page) => page.locator('#list[data-status="online"]').waitFor();
  const text = (page, id, expected) =>
    until(
      `#${id} is ${expected}`,
      async () => (await page.locator(`#${id}`).textContent()) === expected,
    );

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lonceng-packages-'));
    await cp(example, folder, { recursive: true });
    archives = await pack(folder);
    await install(...archives.map((archive) => archive.path));
    site = await Site.start(folder);
    hub = await Hub.start({
      env: {
        LONCENG_SERVER__ALLOWED_ORIGINS: JSON.stringify([site.base]),
        LONCENG_AUTH__METHODS: '["dev","jwt"]',
        LONCENG_AUTH__JWT_SECRET: SECRET,
      },
    });
    browser = await launch();
    await tool('tsc');
    // React checks with StrictMode in development only.
    await tool('vite', 'build', '--mode', 'development');
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  test('have the version of the hub, its licences, and nothing but what is built', async () => {
    const crate = await readFile(path.join(packages, '../Cargo.toml'), 'utf8');
    const [, version] = /^version = "(.+)"$/m.exec(crate);
    for (const archive of archives) {
      assert.equal(archive.version, version, archive.name);
      const files = archive.files.map((file) => file.path);
      for (const file of ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'dist/index.d.ts'])
        assert.ok(files.includes(file), `${archive.name} has no ${file}`);
      const other = files.filter(
        (file) => !/^(dist\/|LICENSE-|README\.md$|package\.json$)/.test(file),
      );
      assert.deepEqual(other, []);
    }
  });

  test('components and hooks show one inbox over one connection in StrictMode', async () => {
    const page = await open({ hub: hub.base, userId: 'budi' });
    await online(page);
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'budi', title: 'One' });
    await text(page, 'last', 'You created a note: "One"');
    await text(page, 'unread', '1');
    assert.equal(await page.locator('lonceng-bell .badge').textContent(), '1');
    assert.equal(await page.locator('lonceng-bell.mine').getAttribute('max-toasts'), '2');
    await page.locator('#list').getByRole('button', { name: 'Read', exact: true }).click();
    await text(page, 'unread', '0');
    await page.locator('#list [data-status="read"]').waitFor();
    await page.locator('#list').getByRole('button', { name: 'Archive' }).click();
    await page.locator('#list li').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Other tab' }).click();
    await page.getByText('You created a note: "One"').nth(1).waitFor();
    if (screenshots) await page.screenshot({ path: `${screenshots}/packages.png` });
    assert.equal(page.sockets.length, 1);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('all elements of a provider share one connection and custom rows', async () => {
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'all', title: 'Row' });
    const page = await open({ hub: hub.base, userId: 'all', all: 'yes', theme: 'dark' });
    await online(page);
    await page.locator('lonceng-inbox.page').getByText('Mine: You created a note: "Row"').waitFor();
    await page.locator('lonceng-preferences').getByRole('button', { name: 'Save' }).waitFor();
    assert.equal(await page.locator('lonceng-inbox').getAttribute('theme'), 'dark');
    await hub.api('POST', '/api/v1/notify', { target: [{ id: 'all' }], message: 'A toast' });
    await page.locator('lonceng-toasts .toast').getByText('A toast').waitFor();
    await page.locator('lonceng-inbox').getByText('A toast').waitFor();
    assert.equal(await page.locator('lonceng-bell .badge').textContent(), '2');
    if (screenshots) await page.screenshot({ path: `${screenshots}/packages-all.png` });
    assert.equal(page.sockets.length, 1);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('loadMore loads the rest of a long list, and markAllRead marks all of it', async () => {
    for (let n = 0; n < 70; n += 1)
      await hub.publish({ type: 'NOTE_CREATED', user_id: 'many', title: `Note ${n}` });
    const page = await open({ hub: hub.base, userId: 'many' });
    await page.locator('#list[data-loaded="true"]').waitFor();
    const more = page.getByRole('button', { name: 'More' });
    await until('everything is loaded', async () => {
      if (await more.isEnabled()) await more.click();
      return (await page.locator('#list li').count()) === 70;
    });
    await until('there is no more', () => more.isDisabled());
    await page.getByLabel('Find').fill('note 17');
    await until('one is found', async () => (await page.locator('#list li').count()) === 1);
    await page.getByLabel('Find').fill('');
    await page.getByRole('button', { name: 'Read all' }).click();
    await text(page, 'unread', '0');
    await until('the hub knows', async () => {
      const counts = await hub.api('GET', '/api/v1/notifications/unread-count?user_id=many');
      return counts.unread === 0;
    });
    await page.context().close();
  });

  test('an action of the bell can be left to the router of the application', async () => {
    const page = await open({ hub: hub.base, userId: 'clicker' });
    await online(page);
    await hub.api('POST', '/api/v1/notify', {
      target: [{ id: 'clicker' }],
      message: 'Look at it',
      action_url: '/refunds/7',
    });
    await text(page, 'unread', '1');
    const bell = page.locator('lonceng-bell');
    await bell.locator('.bell').click();
    await bell.locator('a.title').click();
    await text(page, 'action', '/refunds/7');
    await text(page, 'unread', '0');
    assert.ok(page.url().startsWith(site.base));
    await page.context().close();
  });

  test('another user gets another inbox, and unmounting closes the connection', async () => {
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'first', title: 'Private' });
    const page = await open({ hub: hub.base, userId: 'first' });
    await page.locator('#list').getByText('Private').waitFor();
    await page.getByRole('button', { name: 'Other user' }).click();
    await text(page, 'unread', '0');
    await online(page);
    assert.equal(await page.getByText('Private').count(), 0);
    await until('the first connection is closed', () => page.sockets[0].isClosed());
    await page.getByRole('button', { name: 'Mount' }).click();
    await until('all are closed', () => page.sockets.every((socket) => socket.isClosed()));
    await page.getByRole('button', { name: 'Mount' }).click();
    await online(page);
    assert.equal(page.sockets.length, 3);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('getToken may be another function in each render, and is asked once', async () => {
    const { stdout } = await run(
      process.env.LONCENG_BIN ?? path.join(packages, '../target/debug/lonceng'),
      ['--config', hub.config, 'token', '--user', 'tokens'],
      { env: hub.env },
    );
    await writeFile(path.join(folder, 'token.txt'), stdout.trim());
    const page = await open({ hub: hub.base, tokens: '/token.txt' });
    await online(page);
    for (let n = 0; n < 3; n += 1) {
      await page.getByRole('button', { name: `Render ${n}` }).click();
      await page.getByRole('button', { name: `Render ${n + 1}` }).waitFor();
    }
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'tokens', title: 'Signed in' });
    await text(page, 'unread', '1');
    assert.equal(page.asked, 1);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('without a hub the origin of the page is asked', async () => {
    const page = await open({ userId: 'budi' });
    await until('it connects', () => page.sockets.length > 0);
    assert.ok(page.sockets[0].url().startsWith(`${site.base.replace('http', 'ws')}/ws`));
    await page.context().close();
  });

  test('a page rendered on a server is hydrated without a mismatch', async () => {
    await tool('vite', 'build', '--ssr', 'src/server.tsx', '--outDir', 'server');
    const script = "import('./server/server.js').then(({ html }) => console.log(html))";
    const { stdout: html, stderr } = await run('node', ['-e', script], { cwd: folder });
    assert.equal(stderr, '');
    assert.match(html, /<output id="unread">0<\/output>/);
    const index = await readFile(path.join(folder, 'dist/index.html'), 'utf8');
    const rendered = index.replace('<div id="root"></div>', `<div id="root">${html.trim()}</div>`);
    await writeFile(path.join(folder, 'dist/rendered.html'), rendered);
    const page = await open({ hub: hub.base, userId: 'budi' }, { page: 'dist/rendered.html' });
    await online(page);
    await page.locator('lonceng-bell').waitFor();
    assert.equal(page.sockets.length, 1);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('React 18 works and type-checks', async () => {
    await install(...REACT_18);
    await tool('tsc');
    await tool('vite', 'build', '--outDir', 'dist18');
    const page = await open({ hub: hub.base, userId: 'eighteen' }, { page: 'dist18/' });
    await online(page);
    await hub.publish({ type: 'NOTE_CREATED', user_id: 'eighteen', title: 'Old' });
    await text(page, 'unread', '1');
    assert.equal(await page.locator('lonceng-bell.mine .badge').textContent(), '1');
    assert.equal(page.sockets.length, 1);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });
});
