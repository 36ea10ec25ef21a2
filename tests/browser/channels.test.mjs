// Channels in the bell: preferences by type and channel, snooze, and groups.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSettings, result, useChannels } from './channels.mjs';
import { shot, until, violations } from './harness.mjs';
import { badge, becomes, bell, items, online } from './page.mjs';

describe('channels', () => {
  const fixture = useChannels();
  const { api, done, note, open } = fixture;

  const stored = (user) => api(`/api/v1/preferences?user_id=${user}`);

  const menuEntry = async (page, name) => {
    await items(page)
      .first()
      .getByRole('button', { name: /More about/ })
      .click();
    await bell(page).getByRole('menuitem', { name }).click();
  };

  test('the matrix of types and channels is stored and shown again', async () => {
    const page = await open('matrix');
    const box = (name) => bell(page).getByRole('checkbox', { name });
    const channel = (name) => bell(page).getByRole('switch', { name });
    await openSettings(page);
    assert.equal(await box('Alarm: In the bell').isDisabled(), true, 'it is mandatory');
    await box('Note created: E-mail').uncheck();
    await box('Likes: In the bell').uncheck();
    assert.equal(await box('Likes: E-mail').isDisabled(), true, 'the type is muted');
    await channel('Push: All types').uncheck();
    assert.equal(await box('Lesson moved: Push').isDisabled(), true, 'the channel is off');
    assert.equal(await box('Note created: Push').count(), 0, 'the type does not use it');
    assert.equal(await box(/^Reported/).count(), 0, 'the type is for others');
    await bell(page).getByLabel('Collect e-mails').selectOption('Daily');
    await bell(page).getByRole('button', { name: 'Save' }).click();
    await until('it is saved', async () => (await result(page).textContent()) === 'Saved');
    const { channels, digest, muted_types, email_enabled, push_enabled } = await stored('matrix');
    assert.deepEqual(channels, {
      email: { enabled: true, types: { NOTED: false } },
      push: { enabled: false, types: {} },
    });
    assert.deepEqual(
      [digest, muted_types, email_enabled, push_enabled],
      ['daily', ['LIKED'], true, false],
    );

    await page.reload();
    await online(page);
    await openSettings(page);
    assert.equal(await box('Note created: E-mail').isChecked(), false);
    assert.equal(await box('Note created: In the bell').isChecked(), true);
    assert.equal(await box('Likes: In the bell').isChecked(), false);
    assert.equal(await channel('Push: All types').isChecked(), false);
    assert.equal(await channel('E-mail: All types').isChecked(), true);
    assert.equal(await bell(page).getByLabel('Collect e-mails').inputValue(), 'daily');
    // Only unchecked boxes are stored.
    await box('Note created: E-mail').check();
    await bell(page).getByLabel('Collect e-mails').selectOption('At once, or as the type says');
    await bell(page).getByRole('button', { name: 'Save' }).click();
    await until('it is stored', async () => (await stored('matrix')).digest === null);
    assert.deepEqual((await stored('matrix')).channels.email, { enabled: true, types: {} });
    await done(page);
  });

  test('preferences of a type that has become mandatory are dropped', async () => {
    const page = await open('mandatory');
    await page.route('**/api/v1/preferences?*', async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      const response = await route.fetch();
      const known = await response.json();
      known.channels.email.types = { ALARM: false, RETIRED: false };
      return route.fulfill({ response, json: { ...known, muted_types: ['ALARM', 'RETIRED'] } });
    });
    await openSettings(page);
    await bell(page).getByRole('button', { name: 'Save' }).click();
    await until('it is saved', async () => (await result(page).textContent()) === 'Saved');
    const { channels, muted_types } = await stored('mandatory');
    assert.deepEqual([channels.email.types, muted_types], [{ RETIRED: false }, ['RETIRED']]);
    await done(page);
  });

  test('arrow keys move through the matrix, past what is disabled', async () => {
    const page = await open('keys');
    await openSettings(page);
    const name = () =>
      page.evaluate(
        () => document.querySelector('lonceng-bell').shadowRoot.activeElement?.ariaLabel,
      );
    await bell(page).getByRole('switch', { name: 'E-mail: All types' }).focus();
    await page.keyboard.press('ArrowDown');
    assert.equal(await name(), 'Likes: E-mail', 'types without a choice are skipped');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await name(), 'Likes: In the bell');
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowRight');
    assert.equal(await name(), 'Likes: In the bell', 'the type is muted');
    await done(page);
  });

  test('a user gets the choices of a role with the role', async () => {
    const page = await open('matrix-admin&role=admin');
    await openSettings(page);
    const box = bell(page).getByRole('checkbox', { name: 'Reported: Push' });
    await box.uncheck();
    await bell(page).getByRole('button', { name: 'Save' }).click();
    await until('it is saved', async () => (await result(page).textContent()) === 'Saved');
    // Without the role it is not shown, and stays as it is.
    await fixture.hub.api('PUT', '/api/v1/admin/directory/matrix-admin', { roles: [] });
    await page.goto(`${fixture.hub.base}/?user_id=matrix-admin`);
    await online(page);
    await openSettings(page);
    assert.equal(await box.count(), 0);
    await bell(page).getByRole('checkbox', { name: 'Likes: In the bell' }).uncheck();
    await bell(page).getByRole('button', { name: 'Save' }).click();
    await until('it is saved', async () => (await result(page).textContent()) === 'Saved');
    const { channels, muted_types } = await stored('matrix-admin');
    assert.deepEqual([channels.push.types, muted_types], [{ REPORTED: false }, ['LIKED']]);
    await done(page);
  });

  test('on a small panel Save stays in sight, beside the result', async () => {
    const page = await open('saved', { viewport: { width: 360, height: 560 } });
    await openSettings(page);
    const save = bell(page).getByRole('button', { name: 'Save' });
    const isWhole = async () => {
      const [button, form] = await Promise.all([
        save.boundingBox(),
        bell(page).locator('.settings').boundingBox(),
      ]);
      return button.y >= form.y && button.y + button.height <= form.y + form.height;
    };
    assert.equal(await isWhole(), true, 'before it is scrolled');
    await save.click();
    await until('it is saved', async () => (await result(page).textContent()) === 'Saved');
    assert.equal(await isWhole(), true);
    await shot(page, 'settings-saved');
    await done(page);
  });

  for (const colorScheme of ['light', 'dark']) {
    for (const [lang, width] of [
      ['en', 1280],
      ['id', 480],
      ['en', 320],
    ]) {
      test(`axe finds nothing: ${colorScheme}, ${lang}, ${width} px`, async () => {
        const user = `axe-${colorScheme}-${lang}-${width}`;
        for (const actor_id of ['ani', 'budi', 'citra'])
          await fixture.hub.publish({
            type: 'LIKED',
            user_id: user,
            actor_id,
            note_id: 1,
            title: 'Song',
          });
        await note(user, 'Shopping');
        const page = await open(user, {
          colorScheme,
          permissions: ['notifications'],
          viewport: { width, height: 720 },
        });
        await page.evaluate(
          (language) => document.querySelector('lonceng-bell').setAttribute('lang', language),
          lang,
        );
        await bell(page).locator('.bell').click();
        await until('both are listed', async () => (await items(page).count()) === 2);
        assert.deepEqual(await violations(page), [], 'list');
        await items(page).first().locator('.more').click();
        assert.deepEqual(await violations(page), [], 'menu');
        const bottom = (name) =>
          bell(page)
            .locator(name)
            .evaluate((one) => one.getBoundingClientRect().bottom);
        assert.ok((await bottom('.menu')) <= (await bottom('.panel')), 'the menu is cut off');
        await shot(page, `snooze-menu-${colorScheme}-${lang}-${width}`);
        await page.keyboard.press('Escape');
        await bell(page).locator('.gear').click();
        await bell(page).locator('.matrix').waitFor();
        await bell(page).locator('.settings input[name="email NOTED"]').uncheck();
        await bell(page).locator('.settings input[name="push"]').uncheck();
        assert.deepEqual(await violations(page), [], 'settings');
        await shot(page, `settings-${colorScheme}-${lang}-${width}`);
        await bell(page).locator('.matrix').scrollIntoViewIfNeeded();
        await shot(page, `matrix-${colorScheme}-${lang}-${width}`);
        const overflow = await bell(page)
          .locator('.settings')
          .evaluate((form) => form.scrollWidth - form.clientWidth);
        assert.ok(overflow <= 0, `the settings are ${overflow} px too wide`);
        await done(page);
      });
    }
  }

  test('a snoozed notification leaves the list, and comes back by an undo', async () => {
    await note('undo', 'Later');
    const page = await open('undo');
    await bell(page).locator('.bell').click();
    await until('it is listed', async () => (await items(page).count()) === 1);
    await menuEntry(page, /Snooze until tomorrow, 9:00/);
    await until('it leaves the list', async () => (await items(page).count()) === 0);
    assert.match(await result(page).textContent(), /^Snoozed until .*9:00/);
    const snoozed = () => api('/api/v1/notifications?user_id=undo&status=snoozed');
    await until('the hub knows', async () => (await snoozed()).items.length === 1);
    const end = new Date((await snoozed()).items[0].snoozed_until);
    const hours = await page.evaluate((time) => new Date(time).getHours(), end.toISOString());
    assert.equal(hours, 9);
    assert.equal(await badge(page), '0');
    await bell(page).getByRole('button', { name: 'Undo' }).click();
    await until('it is back', async () => (await items(page).count()) === 1);
    await until('the hub knows', async () => (await snoozed()).items.length === 0);
    // A read notification is read again after an undo.
    await menuEntry(page, 'Mark as read');
    await menuEntry(page, 'Snooze for 1 hour');
    await until('the hub knows', async () => (await snoozed()).items.length === 1);
    await bell(page).getByRole('button', { name: 'Undo' }).click();
    await until('it is read', async () => {
      const [item] = (await api('/api/v1/notifications?user_id=undo')).items;
      return item.status === 'read';
    });
    await done(page);
  });

  test('a snooze ends with a toast, and the notification is the newest', async () => {
    await note('wake', 'First');
    await note('wake', 'Second');
    const page = await open('wake');
    await bell(page).locator('.bell').click();
    await until('both are listed', async () => (await items(page).count()) === 2);
    const id = await items(page).last().getAttribute('data-id');
    await page.evaluate(
      (id) =>
        document.querySelector('lonceng-bell').client.snooze(id, new Date(Date.now() + 1_000)),
      id,
    );
    await until('it leaves the list', async () => (await items(page).count()) === 1);
    await page.keyboard.press('Escape');
    await bell(page).locator('.toast', { hasText: 'First' }).waitFor();
    await until('it is counted', async () => (await badge(page)) === '2');
    await bell(page).locator('.bell').click();
    assert.equal(await items(page).first().getAttribute('data-id'), id);

    // Snoozed by another client.
    await fixture.hub.api('POST', `/api/v1/notifications/${id}/snooze?user_id=wake`, { for: '1s' });
    await until('it leaves the list', async () => (await items(page).count()) === 1);
    await until('it is back', async () => (await items(page).count()) === 2);
    await done(page);
  });

  test('a snooze that the hub refuses is undone', async () => {
    await note('skewed', 'Now');
    const page = await open('skewed');
    // The end has passed for the hub: its clock is ahead of that of the browser.
    const count = await page.evaluate(() => {
      const { client } = document.querySelector('lonceng-bell');
      client.snooze(client.items[0].notification_id, new Date(Date.now() - 1_000));
      return client.items.length;
    });
    assert.equal(count, 0);
    await until('it is back', async () => (await badge(page)) === '1');
    await done(page);
  });

  test('a snooze without a connection is sent later; one that has ended is not', async () => {
    await note('away', 'Short');
    await note('away', 'Long');
    const page = await open('away');
    await bell(page).locator('.bell').click();
    await until('both are listed', async () => (await items(page).count()) === 2);
    await fixture.hub.halt('SIGKILL');
    await becomes(page, 'offline');
    await menuEntry(page, 'Snooze for 1 hour');
    await until('it leaves the list', async () => (await items(page).count()) === 1);
    const ended = await page.evaluate(() => {
      const { client } = document.querySelector('lonceng-bell');
      client.snooze(client.items[0].notification_id, new Date(Date.now() + 200));
      return new Promise((resolve) => setTimeout(() => resolve(client.items.length), 300));
    });
    assert.equal(ended, 0);
    await fixture.hub.run();
    await becomes(page, 'online');
    await until('the ended one is back', async () => (await items(page).count()) === 1);
    assert.match(await items(page).first().textContent(), /Short/);
    const { items: left } = await api('/api/v1/notifications?user_id=away&status=snoozed');
    assert.deepEqual(
      left.map((item) => item.message),
      ['Note Long'],
    );
    // The page has logged that it could not connect.
    await page.context().close();
  });

  test('an event of a known group replaces the row and the toast, as the newest', async () => {
    const like = (actor_id) =>
      fixture.hub.publish({ type: 'LIKED', user_id: 'group', actor_id, note_id: 1, title: 'Song' });
    const page = await open('group');
    await like('ani');
    await note('group', 'Between');
    await until('two toasts', async () => (await bell(page).locator('.toast').count()) === 2);
    await like('budi');
    await bell(page).locator('.toast', { hasText: 'budi and 1 others' }).waitFor();
    assert.equal(await bell(page).locator('.toast').count(), 2);
    await bell(page).locator('.bell').click();
    await until('two rows', async () => (await items(page).count()) === 2);
    assert.match(await items(page).first().textContent(), /budi and 1 others liked "Song"/);
    await like('citra');
    await until('it has grown', async () =>
      /citra and 2 others/.test(await items(page).first().textContent()),
    );
    assert.equal(await items(page).count(), 2);
    assert.equal(await items(page).first().locator('.count').textContent(), '×3');
    assert.ok(
      await bell(page)
        .getByRole('article', { name: /Likes .*\(3 times\)/ })
        .count(),
    );
    assert.equal(await items(page).last().locator('.count').count(), 0);
    assert.equal(await badge(page), '2');
    await done(page);
  });
});
