// Layout of the console: every page and state from 320 to 2,560 px.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Hub, launch, openPage, shot, until, violations } from './harness.mjs';

let hub;
let browser;

/** Long values, as people have them. */
const LONG = 'a-very-long-identifier-without-a-place-to-break-0199a3c5-2f7e-7c11-9d2b';

const CONFIG = `
[auth]
methods = ["dev"]
[channels.email]
url = "smtp://127.0.0.1:1"
from = "hub@example.com"
[[channels.webhook]]
name = "ops"
url = "http://127.0.0.1:1/hook"
allow_private = true
[[type]]
code = "NOTE_CREATED"
title = "A note was created"
template = "You created a note with the title {title}, and shared it with everybody in the room"
target = "SELF"
channels = ["web", "email", "webhook:ops"]
[[type]]
code = "INSTALLMENT_REMINDER_FOR_PARENTS_AND_GUARDIANS"
title = "T"
template = "x"
target = "ROLE"
target_role = "parents-and-guardians"
priority = "HIGH"
`;

before(async () => {
  hub = await Hub.start({ config: CONFIG });
  browser = await launch();
  const person = {
    login: `${LONG}@example.com`,
    name: 'Ratna Sari Dewi Kusumawardhani',
    email: `${LONG}@example.com`,
    roles: ['teacher', 'parents-and-guardians'],
    timezone: 'America/Argentina/ComodRivadavia',
  };
  // A user who signs in has the roles of the sign-in.
  for (const id of [LONG, 'sari']) await hub.api('PUT', `/api/v1/admin/directory/${id}`, person);
  await hub.publish({ type: 'NOTE_CREATED', event_id: LONG, user_id: LONG, title: LONG });
  await hub.publish({ type: 'NOTE_CREATED', event_id: 'e-2', user_id: 'ani', title: 'Violin' });
  await hub.publish({ type: 'NOTE_CREATD', event_id: 'e-3', user_id: 'ani' });
  await fetch(`${hub.base}/api/v1/events`, { method: 'POST', body: '{"type":"NOTE_CREATED"}' });
  await fetch(`${hub.base}/api/v1/notifications?user_id=x`, {
    headers: { origin: `https://${LONG}.example.com` },
  });
  await hub.api('PATCH', '/api/v1/admin/types/NOTE_CREATED', { priority: 'LOW' });
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

const as = '/admin?user_id=9&login=ratna&role=admin';
const WIDTHS = [320, 360, 480, 768, 960, 1200, 1440, 2560];

const PAGES = ['overview', 'activity', `inbox/${LONG}`, 'inbox', `explain/${LONG}`, 'explain'];
PAGES.push('explain/none', 'activity/user=none', 'dead-letters', 'deliveries', 'types', 'new-type');
PAGES.push('types/NOTE_CREATED', 'send', 'clients', 'directory', 'configuration', 'audit');

/** Waits until a page of the console has not changed for a moment, and at most ten seconds. */
async function settled(page) {
  await page.locator('#page h1').waitFor();
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        let quiet = setTimeout(resolve, 400);
        setTimeout(resolve, 10_000);
        new MutationObserver(() => {
          clearTimeout(quiet);
          quiet = setTimeout(resolve, 400);
        }).observe(document.body, { childList: true, subtree: true, characterData: true });
      }),
  );
}

async function visit(page, hash) {
  await page.evaluate((to) => (location.hash = to), hash);
  await settled(page);
}

/**
 * Returns what is beyond the edges of the window at a width, except inside of what scrolls by
 * itself.
 */
const beyond = (page) =>
  page.evaluate(() => {
    const scrolls = (element) => {
      for (let one = element.parentElement; one; one = one.parentElement)
        if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(one).overflowX)) return true;
      return false;
    };
    const all = [...document.querySelectorAll('body *')].filter((one) => {
      const box = one.getBoundingClientRect();
      const isOutside = box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
      return isOutside && !one.closest('.skip, svg') && !scrolls(one);
    });
    const wide = document.documentElement.scrollWidth > innerWidth;
    return [...(wide ? ['the page'] : []), ...all.map((one) => one.outerHTML.slice(0, 120))];
  });

async function fitsEverywhere(page, name) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    assert.deepEqual(await beyond(page), [], `${name} at ${width}`);
  }
}

test('no page is wider than its window', async () => {
  const bell = await openPage(browser, hub, `/?user_id=${LONG}&login=${LONG}&role=user`);
  await until(
    'a client is connected',
    async () => (await hub.api('GET', '/api/v1/admin/users')).total_count === 1,
  );
  for (const locale of ['en-US', 'id-ID']) {
    const page = await openPage(browser, hub, as, { locale });
    for (const hash of PAGES) {
      await visit(page, hash);
      await fitsEverywhere(page, `${hash} in ${locale}`);
    }
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  }
  await bell.context().close();
});

test('no state is wider than its window', async () => {
  const page = await openPage(browser, hub, as);
  await visit(page, 'directory/import');
  await page.getByRole('checkbox', { name: /^The file is complete/ }).check();
  await page.getByLabel(/^Upload users/).setInputFiles({
    name: `${LONG}.csv`,
    mimeType: 'text/csv',
    buffer: Buffer.from(`user_id,name,timezone\nnew,New,\n${LONG}2,x,${LONG}\n`),
  });
  await page
    .getByText('Lines that are left out')
    .or(page.getByText('is invalid'))
    .first()
    .waitFor();
  await fitsEverywhere(page, 'report of an import');
  await page.getByRole('button', { name: `Edit ${LONG}` }).click();
  await fitsEverywhere(page, 'dialog of a user');
  await page.keyboard.press('Escape');

  await visit(page, 'overview');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search' }).fill(LONG);
  await page.getByRole('option', { name: /User/ }).first().waitFor();
  await fitsEverywhere(page, 'palette');
  await page.keyboard.press('Escape');

  await page.setViewportSize({ width: 320, height: 568 });
  await page.getByRole('button', { name: 'Menu' }).click();
  assert.deepEqual(await beyond(page), [], 'menu');
  await page.keyboard.press('Escape');

  const stranger = await openPage(browser, hub, '/admin?user_id=x');
  await stranger.getByLabel('Token').waitFor();
  await fitsEverywhere(stranger, 'sign-in');

  await writeFile(hub.config, `${CONFIG}\nunknown_key_that_is_${LONG.replaceAll('-', '_')} = 1\n`);
  await visit(page, 'configuration');
  await page.getByText('The file is invalid.').waitFor();
  await fitsEverywhere(page, 'invalid configuration');
  await writeFile(hub.config, CONFIG);
  await page.getByText('The file is in force.').waitFor();
  assert.deepEqual(page.troubles, []);
});

test('a table is cards with labels on a narrow screen', async () => {
  const page = await openPage(browser, hub, as, { viewport: { width: 360, height: 740 } });
  for (const [hash, label, value] of [
    ['activity', 'Outcome', 'skipped'],
    ['types', 'Recipients', 'User of the event'],
    ['configuration', 'Comes from', 'config.toml'],
    ['deliveries', 'Channel', 'webhook:ops'],
    ['directory', 'Roles', 'teacher, parents-and-guardians'],
  ]) {
    await visit(page, hash);
    const cell = page.locator(`td[data-label="${label}"]`).filter({ hasText: value }).first();
    await cell.waitFor();
    const shown = await cell.evaluate((one) => getComputedStyle(one, '::before').content);
    assert.match(shown, new RegExp(label === 'Comes from' ? 'attr|Comes from' : `attr|${label}`));
    // The meaning of the table stays for a screen reader.
    await page.getByRole('columnheader', { name: label, exact: true }).first().waitFor();
    await page.getByRole('cell', { name: value }).first().waitFor();
    assert.deepEqual(await violations(page), [], hash);
    await shot(page, `layout-cards-${hash}`);
  }
  // Rows that are added later have labels too.
  assert.equal(await page.locator('tbody td:not([data-label])').count(), 0);
  assert.deepEqual(page.troubles, []);
});

test('a table that is wider than its place scrolls by keyboard', async () => {
  const page = await openPage(browser, hub, as, { viewport: { width: 760, height: 740 } });
  await visit(page, 'deliveries');
  const region = page.getByRole('region', { name: 'Deliveries' });
  assert.ok(await region.evaluate((one) => one.scrollWidth > one.clientWidth), 'it is wider');
  await region.focus();
  await page.keyboard.press('ArrowRight');
  await until('it scrolls', () => region.evaluate((one) => one.scrollLeft > 0));
  assert.match(
    await region.evaluate((one) => getComputedStyle(one).backgroundImage),
    /linear-gradient/,
    'a shadow at the edge',
  );
  assert.deepEqual(await violations(page), []);
});

test('settings of the side bar are in sight at every height', async () => {
  const page = await openPage(browser, hub, as);
  await settled(page);
  for (const height of [480, 600, 720, 800, 1080]) {
    await page.setViewportSize({ width: 1280, height });
    const button = page.getByRole('button', { name: 'Bahasa Indonesia' });
    const box = await button.boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= height, `at ${height}: ${box?.y}`);
    await button.click({ trial: true });
  }
});

test('no total and no chart stands alone on a row', async () => {
  const page = await openPage(browser, hub, as);
  await page.locator('.trends > :nth-child(7)').waitFor();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    for (const grid of ['.totals', '.trends']) {
      // One that takes the whole row is not alone on it.
      const alone = await page.locator(grid).evaluate((one) => {
        const all = [...one.children].map((child) => child.getBoundingClientRect());
        const { width: whole } = one.getBoundingClientRect();
        const beside = (box) => all.filter(({ top }) => Math.abs(top - box.top) < 2).length;
        return all.filter((box) => beside(box) === 1 && box.width < whole - 2).length;
      });
      assert.equal(alone, 0, `${grid} at ${width}`);
    }
  }
});
