// Service worker of Lonceng: shows Web Push, opens the link of a notification that was clicked, and
// closes notifications that were read elsewhere.
//
// The page registers it: navigator.serviceWorker.register("/lonceng-sw.js"). A site that has a
// service worker of its own can importScripts() this one.

/** @param {PushMessageData | null} data */
function payloadOf(data) {
  try {
    return data ? data.json() : {};
  } catch {
    return {};
  }
}

async function close(id) {
  const shown = await self.registration.getNotifications({ tag: id });
  for (const notification of shown) notification.close();
}

self.addEventListener('push', (event) => {
  const payload = payloadOf(event.data);
  if (payload.close) {
    event.waitUntil(close(payload.close));
    return;
  }
  event.waitUntil(
    self.registration.showNotification(payload.title || 'Lonceng', {
      body: payload.message || '',
      tag: payload.notification_id || undefined,
      requireInteraction: payload.priority === 'HIGH',
      data: { id: payload.notification_id, url: payload.action_url },
    }),
  );
});

// Clicks that no page has reported yet, by their path in this cache of the origin.
const CLICKS = 'lonceng-clicks';
const CLICKS_MAX = 100;

// The worker has no sign-in: the click waits for the next page with a bell.
async function keep(id) {
  const cache = await caches.open(CLICKS);
  const waiting = await cache.keys();
  for (const old of waiting.slice(0, Math.max(0, waiting.length + 1 - CLICKS_MAX))) {
    await cache.delete(old);
  }
  await cache.put(`/${encodeURIComponent(id)}`, new Response(''));
}

// A page that is open reports the click with its own sign-in.
async function open(id, url) {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (id) await keep(id);
  for (const page of pages) page.postMessage({ type: 'lonceng.clicked', notification_id: id });
  if (!url) {
    const page = pages[0];
    return page ? page.focus() : self.clients.openWindow('/');
  }
  const target = new URL(url, self.location.origin).href;
  const same = pages.find((page) => page.url === target);
  return same ? same.focus() : self.clients.openWindow(target);
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { id, url } = event.notification.data || {};
  event.waitUntil(open(id, url));
});

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
