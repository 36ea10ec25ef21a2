// The refund example of the demo page, on both stores.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Hub, launch, openPage, screenshots, until, violations } from './harness.mjs';

const desk = (page, person) => page.locator(`.desk[data-person="${person}"]`);
const badge = (page, person) => desk(page, person).locator('lonceng-bell .badge');
const connected = (page) =>
  page.waitForFunction(
    () =>
      [...document.querySelectorAll('lonceng-bell')].every(
        (bell) => bell.client?.status === 'online',
      ) && document.querySelectorAll('lonceng-bell').length > 0,
  );

async function shot(page, name) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png` });
}

const stores = [{ name: 'SQLite', url: undefined }];
if (process.env.LONCENG_TEST_POSTGRES_BROWSER)
  stores.push({
    name: 'PostgreSQL',
    url: process.env.LONCENG_TEST_POSTGRES_BROWSER,
  });
else if (process.env.LONCENG_TEST_OPTIONAL !== '1')
  throw new Error('LONCENG_TEST_POSTGRES_BROWSER is missing: run scripts/test');

for (const store of stores) {
  describe(`the demo page on ${store.name}`, () => {
    let hub;
    let browser;
    before(async () => {
      hub = await Hub.start({ url: store.url });
      browser = await launch();
    });
    after(async () => {
      await browser?.close();
      await hub?.stop();
    });

    test('the refund story', async () => {
      const page = await openPage(browser, hub);
      await connected(page);
      await desk(page, 'budi').getByRole('button', { name: 'Request refund' }).click();

      const toast = desk(page, 'admin').locator('lonceng-bell .toast');
      await toast.waitFor();
      assert.equal(await toast.locator('.title').textContent(), 'Refund Request');
      assert.equal(
        await toast.locator('.text').textContent(),
        'User budi requested refund for Rp100.000',
      );
      assert.equal(await badge(page, 'admin').textContent(), '1');
      assert.equal(await badge(page, 'budi').isVisible(), false);
      const action = desk(page, 'admin').locator('lonceng-bell .toast a');
      assert.match(await action.getAttribute('href'), /^\/refunds\/ref-/);
      await shot(page, 'requested');

      await action.click();
      await desk(page, 'admin').locator('.refunds li.shown').waitFor();
      await until(
        'the action marks it read',
        async () => !(await badge(page, 'admin').isVisible()),
      );

      await desk(page, 'admin').getByRole('button', { name: 'Approve' }).click();
      const answer = desk(page, 'budi').locator('lonceng-bell .toast .text');
      await answer.waitFor();
      assert.equal(await answer.textContent(), 'Your refund request has been approved');
      assert.equal(await badge(page, 'budi').textContent(), '1');
      await shot(page, 'approved');
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    });

    test('the buttons publish their events, and the panel shows the notifications', async () => {
      const page = await openPage(browser, hub, '/', { colorScheme: 'dark' });
      await connected(page);
      await desk(page, 'budi').getByRole('button', { name: 'Log in' }).click();
      await desk(page, 'budi').getByRole('button', { name: 'Create note' }).click();
      await desk(page, 'budi').getByRole('button', { name: 'Share note' }).click();
      await until(
        'the admin hears of the note',
        async () => (await badge(page, 'admin').textContent()) === '1',
      );
      await desk(page, 'budi').locator('lonceng-bell .bell').click();
      const items = desk(page, 'budi').locator('lonceng-bell .item');
      await until('three are listed', async () => (await items.count()) === 3);
      assert.match(await items.nth(0).textContent(), /You created a note: "Shopping list/);
      await shot(page, 'panel-dark');
      await desk(page, 'budi').getByRole('button', { name: 'Mark all as read' }).click();
      await until('the badge goes', async () => !(await badge(page, 'budi').isVisible()));
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    });
  });
}

describe('the bell', () => {
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

  const note = (user, title) => hub.publish({ type: 'NOTE_CREATED', user_id: user, title });

  test('a mark on one device reaches the other, by keyboard alone', async () => {
    const [one, two] = [
      await openPage(browser, hub, '/?user_id=k1'),
      await openPage(browser, hub, '/?user_id=k1'),
    ];
    await Promise.all([connected(one), connected(two)]);
    await note('k1', 'First');
    await note('k1', 'Second');
    for (const page of [one, two])
      await until('both arrive', async () => (await badge(page, 'k1').textContent()) === '2');
    await one.locator('lonceng-bell .bell').focus();
    await one.keyboard.press('Enter');
    await until('the panel is open', () => one.locator('lonceng-bell .panel').isVisible());
    await one.keyboard.press('ArrowDown');
    await one.keyboard.press('Enter');
    await until(
      'the other device follows',
      async () => (await badge(two, 'k1').textContent()) === '1',
    );
    await one.keyboard.press('Escape');
    assert.equal(await one.locator('lonceng-bell .panel').isVisible(), false);
    const focused = await one.evaluate(
      () => document.querySelector('lonceng-bell').shadowRoot.activeElement?.className,
    );
    assert.match(focused, /bell/);
    for (const page of [one, two]) {
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    }
  });

  test('markup in a message is shown as text', async () => {
    const page = await openPage(browser, hub, '/?user_id=x1');
    await connected(page);
    await note('x1', '<img src=x onerror="document.title=1"><b>bold</b>');
    const toast = page.locator('lonceng-bell .toast .text');
    await toast.waitFor();
    assert.match(await toast.textContent(), /<img src=x onerror/);
    assert.equal(await page.locator('lonceng-bell .toast b, lonceng-bell .toast img').count(), 0);
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });

  test('it catches up after the hub was away, with each notification once', async () => {
    const page = await openPage(browser, hub, '/?user_id=r1');
    await connected(page);
    await note('r1', 'Before');
    await until('the first arrives', async () => (await badge(page, 'r1').textContent()) === '1');
    page.troubles.length = 0;
    await hub.halt('SIGKILL');
    await page.waitForFunction(
      () => document.querySelector('lonceng-bell').client.status !== 'online',
    );
    await hub.run();
    await note('r1', 'Between');
    await connected(page);
    await note('r1', 'After');
    await until('all are there', async () => (await badge(page, 'r1').textContent()) === '3');
    const titles = await page.evaluate(() =>
      document.querySelector('lonceng-bell').client.items.map((item) => item.message),
    );
    assert.deepEqual(
      titles,
      ['After', 'Between', 'Before'].map((title) => `You created a note: "${title}"`),
    );
    await page.context().close();
  });

  test('marks made without a connection are sent when it is back', async () => {
    const page = await openPage(browser, hub, '/?user_id=o1');
    await connected(page);
    await note('o1', 'Offline');
    await until('it arrives', async () => (await badge(page, 'o1').textContent()) === '1');
    await hub.halt('SIGKILL');
    await page.waitForFunction(
      () => document.querySelector('lonceng-bell').client.status !== 'online',
    );
    await page.evaluate(() => {
      const { client } = document.querySelector('lonceng-bell');
      client.markRead(client.items[0].notification_id);
    });
    await until('it shows', async () => !(await badge(page, 'o1').isVisible()));
    await hub.run();
    await connected(page);
    await until('the hub knows', async () => {
      const answer = await fetch(`${hub.base}/api/v1/notifications/unread-count?user_id=o1`);
      return (await answer.json()).unread === 0;
    });
    await page.context().close();
  });

  test('a new notification is announced to screen readers', async () => {
    const page = await openPage(browser, hub, '/?user_id=s1');
    await connected(page);
    await note('s1', 'Spoken');
    const said = page.locator('lonceng-bell [role=status]');
    await until('it is announced', async () => (await said.textContent()).includes('Spoken'));
    await hub.publish({ type: 'REFUND_APPROVED', user_id: 's1' });
    const urgent = page.locator('lonceng-bell [role=alert]');
    await until('what is urgent interrupts', async () =>
      (await urgent.textContent()).includes('approved'),
    );
    await page.context().close();
  });

  test('it speaks Indonesian where the page does', async () => {
    const page = await openPage(browser, hub, '/?user_id=i1');
    await page.evaluate(() => document.querySelector('lonceng-bell').setAttribute('lang', 'id'));
    await page.locator('lonceng-bell .bell').click();
    assert.equal(await page.locator('lonceng-bell .heading').textContent(), 'Notifikasi');
    await page.context().close();
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing, ${colorScheme}`, async () => {
      const user = `a-${colorScheme}`;
      const page = await openPage(browser, hub, `/?user_id=${user}`, {
        colorScheme,
      });
      await connected(page);
      await hub.publish({ type: 'REFUND_APPROVED', user_id: user });
      await note(user, 'Low');
      await page.locator('lonceng-bell .toast').nth(1).waitFor();
      assert.deepEqual(await violations(page), []);
      await page.locator('lonceng-bell .bell').click();
      await until(
        'the list is there',
        async () => (await page.locator('lonceng-bell .item').count()) === 2,
      );
      assert.deepEqual(await violations(page), []);
      await page.context().close();
    });
  }
});
