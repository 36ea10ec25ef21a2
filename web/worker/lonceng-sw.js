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

// A page that is open reports the click with its own sign-in; without one the link says it.
async function open(id, url) {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
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
