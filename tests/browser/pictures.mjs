// Makes the pictures of the README from the running thing: node pictures.mjs, with LONCENG_BIN if the hub is elsewhere.
import { fileURLToPath } from 'node:url';
import { Hub, launch, openPage, until } from './harness.mjs';

const folder = fileURLToPath(new URL('../../docs/images', import.meta.url));
const hub = await Hub.start({});
const browser = await launch();
for (const [name, colorScheme, lang] of [['panel', 'light', 'en'], ['panel-dark', 'dark', 'id']]) {
  const user = name;
  await hub.publish({ type: 'NOTE_CREATED', user_id: user, title: 'Shopping list' });
  await hub.publish({ type: 'REFUND_REJECTED', user_id: user, reason: 'The lesson has taken place' });
  await hub.publish({ type: 'NOTE_SHARED', actor_id: 'rina', recipient_id: user, title: 'Recital' });
  const page = await openPage(browser, hub, `/?user_id=${user}`, { colorScheme, viewport: { width: 480, height: 520 }, deviceScaleFactor: 2 });
  await page.evaluate((language) => document.querySelector('lonceng-bell').setAttribute('lang', language), lang);
  await page.locator('lonceng-bell .bell').click();
  await until('three are listed', async () => (await page.locator('lonceng-bell .item').count()) === 3);
  await page.locator('lonceng-bell .panel').screenshot({ path: `${folder}/${name}.png` });
  await page.context().close();
}
await browser.close();
await hub.stop();
