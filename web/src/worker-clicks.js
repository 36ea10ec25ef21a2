// Clicks on notifications that the service worker has shown. Each waits in a cache of the origin,
// because the worker has no sign-in, until a page with a connection reports it.

/** Cache of the clicks; the worker writes it. */
const CLICKS = 'lonceng-clicks';

/** @import { Client } from './client.js' */

/**
 * Reports the clicks that wait, in one tab only.
 * @param {Client} client
 */
export async function reportWorkerClicks(client) {
  // Absent in pages without a secure connection, where there is no worker either.
  if (!globalThis.caches || !(await caches.has(CLICKS))) return;
  const cache = await caches.open(CLICKS);
  for (const request of await cache.keys()) {
    const id = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (await client.claims(`clicked ${id}`)) client.clicked(id);
    await cache.delete(request);
  }
}
