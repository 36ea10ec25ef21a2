// Live feeds in a browser: the page with the seats, and the element by itself.
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Hub, freePort, launch, openPage, screenshots, until, violations } from './harness.mjs';

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

/** The seats that a visitor sees of a course. */
const seats = (page, visitor, course) =>
  page.locator(`[data-person="${visitor}"] [data-course="${course}"] [data-field]`).textContent();

test('two visitors see a booking, and the administrator the whole event', async () => {
  const page = await openPage(browser, hub, '/demo/seats.html');
  await until(
    'everybody watches',
    async () => (await page.locator('lonceng-feed[status="online"]').count()) === 6,
  );
  const sari = page.locator('[data-person="sari"] [data-course="PIANO-101"]');
  await until('the administrator watches', async () => {
    const { connected_clients: clients } = await (
      await fetch(`${hub.base}/api/v1/admin/clients`)
    ).json();
    return clients.some((client) => client.subscriptions.includes('all'));
  });
  await sari.getByRole('button', { name: 'Book' }).click();
  for (const visitor of ['sari', 'joko']) {
    await until(
      `${visitor} sees it`,
      async () => (await seats(page, visitor, 'PIANO-101')) === '5',
    );
    assert.equal(await seats(page, visitor, 'GUITAR-7'), '3');
  }
  const log = page.locator('.log li').first();
  await until(
    'the administrator sees it',
    async () => (await page.locator('.log li').count()) === 1,
  );
  assert.match(await log.textContent(), /booking\.created.*student_id: sari/s);
  // The last seat.
  const drums = page.locator('[data-person="joko"] [data-course="DRUMS-3"]');
  await drums.getByRole('button', { name: 'Book' }).click();
  await until('it is full', async () => (await seats(page, 'sari', 'DRUMS-3')) === '0');
  await until('no more can be booked', () =>
    drums.getByRole('button', { name: 'Book' }).isDisabled(),
  );
  if (screenshots)
    await page.screenshot({
      path: path.join(screenshots, 'seats.png'),
      fullPage: true,
    });
  await drums.getByRole('button', { name: 'Cancel' }).press('Enter');
  await until('it is free again', async () => (await seats(page, 'sari', 'DRUMS-3')) === '1');
  assert.deepEqual(await violations(page), []);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await violations(page), []);
  if (screenshots)
    await page.screenshot({
      path: path.join(screenshots, 'seats-dark.png'),
      fullPage: true,
    });
  assert.deepEqual(page.troubles, []);
});

test('the page reconnects after the hub was away', async () => {
  const page = await openPage(browser, hub, '/demo/seats.html');
  const online = async () => (await page.locator('lonceng-feed[status="online"]').count()) === 6;
  await until('everybody watches', online);
  await hub.halt();
  await until('they notice', async () => !(await online()));
  await hub.run();
  await until('everybody watches again', online, 40);
  await page
    .locator('[data-person="sari"] [data-course="GUITAR-7"]')
    .getByRole('button', { name: 'Book' })
    .click();
  await until('joko sees it', async () => (await seats(page, 'joko', 'GUITAR-7')) === '2');
});

test('the element fires events, follows its attributes and shows text, never HTML', async () => {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const other = await Hub.start({
    env: { LONCENG_SERVER__ALLOWED_ORIGINS: JSON.stringify([origin]) },
  });
  const server = http.createServer((_, response) => {
    const policy = `default-src 'none'; script-src ${other.base}; connect-src ${other.base} ${other.base.replace('http', 'ws')}`;
    response.setHeader('content-type', 'text/html');
    response.setHeader('content-security-policy', policy);
    response.end(`<!doctype html><title>Elsewhere</title><script type="module" src="${other.base}/lonceng.js"></script>
      <lonceng-feed feed="availability" filter-course_id="A, B"><b data-field="slots_remaining">?</b>
      <i data-field="schedule_id">?</i></lonceng-feed>`);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    const tab = await browser.newPage();
    const errors = [];
    tab.on('pageerror', (error) => errors.push(String(error)));
    tab.on('console', (message) => {
      // The browser asks for an icon of the page; the policy forbids it.
      if (message.type() === 'error' && !message.text().includes('favicon'))
        errors.push(message.text());
    });
    await tab.goto(`${origin}/`);
    const feed = tab.locator('lonceng-feed');
    await until('it watches', async () => (await feed.getAttribute('status')) === 'online');
    await tab.evaluate(() => {
      window.said = [];
      document.addEventListener('lonceng:message', (event) => window.said.push(event.detail));
      document.addEventListener('lonceng:error', (event) => window.said.push(event.detail));
    });
    const book = async (course, left) => {
      const event = {
        type: 'booking.created',
        course_id: course,
        slots_remaining: left,
        schedule_id: '<img src=x onerror=alert(1)>',
      };
      const sent = await fetch(`${other.base}/api/v1/events`, {
        method: 'POST',
        body: JSON.stringify(event),
      });
      assert.equal(sent.status, 202);
    };
    await book('B', 4);
    await until('it shows it', async () => (await tab.locator('b').textContent()) === '4');
    assert.equal(await tab.locator('i').textContent(), '<img src=x onerror=alert(1)>');
    assert.equal(await tab.locator('img').count(), 0);
    await book('C', 9);
    await feed.evaluate((element) => element.setAttribute('filter-course_id', 'C'));
    await until('it watches the other course', async () => {
      await book('C', 8);
      return (await tab.locator('b').textContent()) === '8';
    });
    const said = await tab.evaluate(() => window.said);
    assert.deepEqual(said[0].data, {
      course_id: 'B',
      slots_remaining: 4,
      schedule_id: '<img src=x onerror=alert(1)>',
    });
    assert.equal(said[0].feed, 'availability');
    await feed.evaluate((element) => element.setAttribute('filter-teacher', 'x'));
    await until('it says what is wrong', () =>
      tab.evaluate(() => window.said.some((one) => one.code === 'bad_filter')),
    );
    // Removed from the page, it closes its connection.
    await feed.evaluate((element) => element.remove());
    await until('nobody watches', async () => {
      const metrics = await (await fetch(`${other.base}/metrics`)).text();
      return metrics.includes('lonceng_feed_watchers{feed="availability"} 0');
    });
    assert.deepEqual(errors, []);
  } finally {
    server.close();
    await other.stop();
  }
});
