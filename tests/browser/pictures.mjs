// Takes the pictures of the documents, for scripts/screenshots. LONCENG_BIN is the hub's path.
//
//   node pictures.mjs            takes all
//   node pictures.mjs demo docs  takes these
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Hub, launch, openPage, until } from './harness.mjs';

const folder = fileURLToPath(new URL('../../docs/images', import.meta.url));

/** Maximum size of a picture, in bytes. */
const SIZE_MAX = 150_000;

const ADMIN = '/admin?user_id=9&login=ratna&role=admin';

const hub = await Hub.start({ env: { LONCENG_LIMITS__PER_USER_PER_MINUTE: '0' } });
const browser = await launch();

const connected = (page) =>
  until('the bells are connected', () =>
    page.evaluate(() => {
      const bells = [...document.querySelectorAll('lonceng-bell')];
      return bells.length > 0 && bells.every((bell) => bell.client?.status === 'online');
    }),
  );

const post = (path, body) =>
  fetch(`${hub.base}${path}`, { method: 'POST', body: body && JSON.stringify(body) });

/** Compresses a picture, where pngquant is installed. */
function compress(path) {
  try {
    execFileSync('pngquant', ['--force', '--ext', '.png', '--skip-if-larger', '--strip', path]);
  } catch (error) {
    // 98: the result would be larger.
    if (error.code !== 'ENOENT' && error.status !== 98) throw error;
  }
}

/** Saves a picture of a page or a part of it. */
async function save(target, name) {
  const path = `${folder}/${name}.png`;
  await target.screenshot({ path });
  compress(path);
  const { size } = statSync(path);
  console.log(`docs/images/${name}.png: ${Math.ceil(size / 1000)} KB`);
  if (size > SIZE_MAX) throw new Error(`${name}.png is larger than ${SIZE_MAX} bytes`);
}

/** Gives a user notifications of several kinds. */
async function fillInbox(user) {
  await hub.publish({ type: 'NOTE_CREATED', user_id: user, title: 'Shopping list' });
  await hub.publish({
    type: 'REFUND_REJECTED',
    user_id: user,
    reason: 'The lesson has taken place',
  });
  await hub.publish({
    type: 'NOTE_SHARED',
    actor_id: 'rina',
    recipient_id: user,
    title: 'Recital',
  });
  await post('/api/v1/notify', {
    target: { id: user, login: user },
    title: 'Recital on Friday',
    message: 'Rina invites you to her recital. Will you come?',
    category: 'Invitations',
    actions: [
      { label: 'Accept', url: '/?answer=accept', primary: true },
      { label: 'Decline', url: '/?answer=decline' },
    ],
  });
}

/** The panel of a bell. */
async function panel(name, colorScheme, lang) {
  await fillInbox(name);
  const page = await openPage(browser, hub, `/?user_id=${name}&lang=${lang}`, {
    colorScheme,
    viewport: { width: 500, height: 900 },
    deviceScaleFactor: 2,
  });
  await page.locator('lonceng-bell .bell').click();
  await until(
    'four are listed',
    async () => (await page.locator('lonceng-bell .item').count()) === 4,
  );
  await save(page.locator('lonceng-bell .panel'), name);
  await page.context().close();
}

/** The demo page after budi has requested a refund. */
async function demo() {
  const page = await openPage(browser, hub, '/', { viewport: { width: 1240, height: 980 } });
  await connected(page);
  await page.getByRole('button', { name: 'Request refund' }).click();
  await page.locator('lonceng-bell .toast').first().waitFor();
  await page.locator('.trace .arrived').waitFor();
  await save(page, 'demo');
  await page.context().close();
}

/** The inbox as a page of its own. */
async function inbox() {
  await fillInbox('budi');
  const page = await openPage(browser, hub, '/', { viewport: { width: 1100, height: 900 } });
  await connected(page);
  const section = page.locator('#inbox-page');
  await section.scrollIntoViewIfNeeded();
  await section.locator('.item').nth(3).waitFor();
  await page.addStyleTag({ content: 'lonceng-bell { display: none }' });
  await save(section, 'inbox');
  await page.context().close();
}

/** The theming page with other tokens. */
async function theming() {
  await fillInbox('theme');
  const page = await openPage(browser, hub, '/demo/theming.html?user_id=theme', {
    viewport: { width: 1240, height: 900 },
  });
  await connected(page);
  await page.getByRole('button', { name: 'Clay' }).click();
  await page.locator('lonceng-inbox .item').nth(3).waitFor();
  await save(page, 'theming');
  await page.context().close();
}

/** The bell on a phone. */
async function phone() {
  await fillInbox('phone');
  const page = await openPage(browser, hub, '/?user_id=phone', {
    viewport: { width: 390, height: 780 },
    deviceScaleFactor: 2,
    hasTouch: true,
    colorScheme: 'dark',
  });
  await connected(page);
  await page.locator('lonceng-bell .bell').tap();
  await page.locator('lonceng-bell .item').nth(3).waitFor();
  await save(page, 'phone');
  await page.context().close();
}

/** Live feeds: two visitors and an administrator after a booking. */
async function seats() {
  const page = await openPage(browser, hub, '/demo/seats.html', {
    viewport: { width: 1240, height: 860 },
  });
  const piano = page.locator('[data-person="sari"] [data-course="PIANO-101"]');
  await until('the feeds are online', async () => {
    return (await page.locator('lonceng-feed[status="online"]').count()) === 6;
  });
  await piano.getByRole('button', { name: 'Book' }).click();
  await page.locator('.log li').first().waitFor();
  await save(page, 'seats');
  await page.context().close();
}

/** The documentation of the API, with a request that was sent. */
async function docs() {
  const page = await openPage(browser, hub, '/docs?user_id=budi&role=admin#post-/api/v1/events', {
    viewport: { width: 1440, height: 1120 },
  });
  await page.getByRole('tab', { name: 'Python' }).click();
  await page.getByRole('button', { name: 'Send request' }).click();
  await page.locator('.status').waitFor();
  await page.locator('.entry:has(.status)').evaluate((entry) => entry.scrollIntoView());
  await save(page, 'docs');
  await page.context().close();
}

/** The types in the console. */
async function consolePage() {
  const page = await openPage(browser, hub, `${ADMIN}#types`, {
    viewport: { width: 1240, height: 720 },
  });
  await page.getByRole('switch', { name: 'NOTE_CREATED' }).waitFor();
  await save(page, 'console');
  await page.context().close();
}

/** Marks a part of a test's notifications as seen, read and clicked. */
async function markSome(readers) {
  for (const [at, reader] of readers.entries()) {
    const {
      items: [item],
    } = await (await fetch(`${hub.base}/api/v1/notifications?user_id=${reader}`)).json();
    const share = item.message.startsWith('Play') ? 3 : 5;
    const mark = (word) =>
      post(`/api/v1/notifications/${item.notification_id}/${word}?user_id=${reader}`);
    if (at % share !== 1) await mark('seen');
    if (at % share === 0) await mark('read');
    if (at % (2 * share) === 0) await mark('clicked');
  }
}

/** The comparison of a type's variants, for docs/ADMINISTRATION.md. */
async function variants() {
  await fetch(`${hub.base}/api/v1/admin/types/OFFER`, {
    method: 'PUT',
    body: JSON.stringify({
      display_name: 'Offer',
      template: '{price}',
      target_type: 'SELF',
      action_url: '/offers',
      variants: [
        { name: 'plain', template: 'Piano lessons: {price}' },
        { name: 'warm', weight: 2, template: 'Play your first song by Friday: {price}' },
      ],
    }),
  });
  const readers = Array.from({ length: 60 }, (_, n) => `reader${n}`);
  for (const reader of readers)
    await hub.publish({ type: 'OFFER', user_id: reader, price: 'Rp100.000' });
  await markSome(readers);
  const page = await openPage(browser, hub, `${ADMIN}#types/OFFER`, {
    // Tall enough that the foot does not cover the charts.
    viewport: { width: 1000, height: 1800 },
    deviceScaleFactor: 2,
  });
  await page.getByText('clicked').first().waitFor();
  await save(page.locator('.charts').first(), 'variants');
  await page.context().close();
}

/** The trace of an event, for docs/ADMINISTRATION.md. */
async function explain() {
  const bell = await openPage(browser, hub, '/?user_id=sari&login=sari');
  await connected(bell);
  await hub.publish({
    type: 'REFUND_REJECTED',
    event_id: 'refund-17',
    user_id: 'sari',
    reason: 'The lesson has taken place',
  });
  await bell.locator('lonceng-bell .toast').first().waitFor();
  const page = await openPage(browser, hub, `${ADMIN}#explain/refund-17`, {
    viewport: { width: 1240, height: 560 },
  });
  await page.getByText('pushed, connections: 1').waitFor();
  await save(page, 'explain');
  await bell.context().close();
  await page.context().close();
}

const PICTURES = {
  panel: () => panel('panel', 'light', 'en'),
  'panel-dark': () => panel('panel-dark', 'dark', 'id'),
  demo,
  inbox,
  theming,
  phone,
  seats,
  docs,
  console: consolePage,
  variants,
  explain,
};

const wanted = process.argv.slice(2);
for (const [name, take] of Object.entries(PICTURES)) {
  if (wanted.length && !wanted.includes(name)) continue;
  try {
    await take();
  } catch (error) {
    console.error(`${name}: ${error}`);
    process.exitCode = 1;
  }
}
await browser.close();
await hub.stop();
