// Takes the pictures of the documents: node pictures.mjs; LONCENG_BIN is the path of the hub.
import { fileURLToPath } from 'node:url';
import { Hub, launch, openPage, until } from './harness.mjs';

const folder = fileURLToPath(new URL('../../docs/images', import.meta.url));
const hub = await Hub.start({});
const browser = await launch();
for (const [name, colorScheme, lang] of [
  ['panel', 'light', 'en'],
  ['panel-dark', 'dark', 'id'],
]) {
  const user = name;
  await hub.publish({
    type: 'NOTE_CREATED',
    user_id: user,
    title: 'Shopping list',
  });
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
  const page = await openPage(browser, hub, `/?user_id=${user}`, {
    colorScheme,
    viewport: { width: 480, height: 520 },
    deviceScaleFactor: 2,
  });
  await page.evaluate(
    (language) => document.querySelector('lonceng-bell').setAttribute('lang', language),
    lang,
  );
  await page.locator('lonceng-bell .bell').click();
  await until(
    'three are listed',
    async () => (await page.locator('lonceng-bell .item').count()) === 3,
  );
  await page.locator('lonceng-bell .panel').screenshot({ path: `${folder}/${name}.png` });
  await page.context().close();
}
// The demo page after budi has requested a refund.
const demo = await openPage(browser, hub);
await until('both are connected', () =>
  demo.evaluate(() =>
    [...document.querySelectorAll('lonceng-bell')].every(
      (bell) => bell.client?.status === 'online',
    ),
  ),
);
await demo.getByRole('button', { name: 'Request refund' }).click();
await demo.locator('lonceng-bell .toast').first().waitFor();
await demo.screenshot({ path: `${folder}/demo.png` });
await demo.context().close();
// The console, for docs/ADMINISTRATION.md.
const types = `${hub.base}/api/v1/admin/types/OFFER`;
const variants = [
  { name: 'plain', template: 'Piano lessons: {price}' },
  {
    name: 'warm',
    weight: 2,
    template: 'Play your first song by Friday: {price}',
  },
];
await fetch(types, {
  method: 'PUT',
  body: JSON.stringify({
    display_name: 'Offer',
    template: '{price}',
    target_type: 'SELF',
    action_url: '/offers',
    variants,
  }),
});
const readers = Array.from({ length: 60 }, (_, n) => `reader${n}`);
for (const reader of readers)
  await hub.publish({ type: 'OFFER', user_id: reader, price: 'Rp100.000' });
for (const [at, reader] of readers.entries()) {
  const {
    items: [item],
  } = await (await fetch(`${hub.base}/api/v1/notifications?user_id=${reader}`)).json();
  const share = item.message.startsWith('Play') ? 3 : 5;
  const mark = (word) =>
    fetch(`${hub.base}/api/v1/notifications/${item.notification_id}/${word}?user_id=${reader}`, {
      method: 'POST',
    });
  if (at % share !== 1) await mark('seen');
  if (at % share === 0) await mark('read');
  if (at % (2 * share) === 0) await mark('clicked');
}
const page = await openPage(browser, hub, '/admin?user_id=9&login=ratna&role=admin#types/OFFER', {
  // Tall enough that the dialog's foot does not cover the charts.
  viewport: { width: 1000, height: 1800 },
  deviceScaleFactor: 2,
});
await page.getByText('clicked').first().waitFor();
await page.getByText('Variants').scrollIntoViewIfNeeded();
await page.locator('dialog .charts').screenshot({ path: `${folder}/variants.png` });
const typesPage = await openPage(browser, hub, '/admin?user_id=9&login=ratna&role=admin#types', {
  viewport: { width: 1240, height: 720 },
});
await typesPage.getByRole('switch', { name: 'NOTE_CREATED' }).waitFor();
await typesPage.screenshot({ path: `${folder}/console.png` });
await typesPage.context().close();
const bell = await openPage(browser, hub, '/?user_id=budi&login=budi');
await until(
  'budi is connected',
  async () => (await (await fetch(`${hub.base}/api/v1/admin/users`)).json()).total_count > 0,
);
await hub.publish({
  type: 'REFUND_REJECTED',
  event_id: 'refund-17',
  user_id: 'budi',
  reason: 'The lesson has taken place',
});
await bell.locator('lonceng-bell .toast').first().waitFor();
await page.goto(`${hub.base}/admin?user_id=9&login=ratna&role=admin#explain/refund-17`);
await page.reload();
await page.getByText('pushed, connections: 1').waitFor();
await page.setViewportSize({ width: 1240, height: 560 });
await page.screenshot({ path: `${folder}/explain.png` });
await browser.close();
await hub.stop();
