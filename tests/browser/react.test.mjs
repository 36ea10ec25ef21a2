// The React example, built as documented, on another origin.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Hub, launch, screenshots, until } from './harness.mjs';
import { Site } from './site.mjs';

const dist = fileURLToPath(new URL('../../examples/react/dist', import.meta.url));

describe('the React example', () => {
  let hub;
  let browser;
  let site;
  let address;
  before(async () => {
    site = await Site.start(dist);
    hub = await Hub.start({
      env: { LONCENG_SERVER__ALLOWED_ORIGINS: JSON.stringify([site.base]) },
    });
    address = `${site.base}/?hub=${hub.base}`;
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await hub?.stop();
    await site?.stop();
  });

  test('React receives the event of a notification, and a click marks it as read', async () => {
    const page = await browser.newPage();
    const troubles = [];
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(String(error)));
    await page.goto(address);
    await until('it is online', () =>
      page.evaluate(() => document.querySelector('lonceng-bell')?.client?.status === 'online'),
    );
    await hub.publish({
      type: 'NOTE_CREATED',
      user_id: 'budi',
      title: 'React',
    });
    await page.getByText('The last one says: You created a note: "React"').waitFor();
    const bell = page.locator('lonceng-bell');
    assert.equal(await bell.locator('.badge').textContent(), '1');
    await bell.locator('.bell').click();
    await bell.getByRole('button', { name: 'Mark as read' }).click();
    await until('the badge goes', async () => !(await bell.locator('.badge').isVisible()));
    await until('the hub knows', async () => {
      const counts = await (
        await fetch(`${hub.base}/api/v1/notifications/unread-count?user_id=budi`)
      ).json();
      return counts.unread === 0;
    });
    if (screenshots) await page.screenshot({ path: `${screenshots}/react.png` });
    assert.deepEqual(troubles, []);
    await page.close();
  });
});
