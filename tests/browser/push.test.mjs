// Web Push: what the hub sends to a push service, and the switch and the service worker of the bell.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSettings, result, useChannels } from './channels.mjs';
import { Hub, openPage, until } from './harness.mjs';
import { UNLIMITED, bell, online } from './page.mjs';
import { PushService } from './push-service.mjs';

describe('Web Push', () => {
  const fixture = useChannels();
  const { api, done, open } = fixture;
  let service;

  before(async () => (service = await PushService.start()));
  after(() => service?.stop());

  test('the hub encrypts a push for the browser, and closes it when it is read', async () => {
    const user = 'encrypted';
    const { public_key } = await api('/api/v1/push/key');
    const { id, subscription } = await service.subscribe(public_key);
    await fixture.hub.api('POST', `/api/v1/push/subscriptions?user_id=${user}`, subscription);
    await fixture.hub.publish({ type: 'PUSHED', user_id: user, time: '10:00' });
    await until('it arrives', async () => (await service.messages(id)).length === 1);
    const [{ notification_id, ...shown }] = await service.messages(id);
    assert.deepEqual(shown, {
      title: 'Lesson moved',
      message: 'The lesson is at 10:00',
      action_url: '/?user_id=pushed',
      type_code: 'PUSHED',
      priority: 'MEDIUM',
    });
    await fixture.hub.api('POST', `/api/v1/notifications/${notification_id}/read?user_id=${user}`);
    await until('it is closed', async () => (await service.messages(id)).length === 2);
    assert.deepEqual((await service.messages(id))[1], { close: notification_id });
  });

  /** Makes the page subscribe at the push service of the tests. Returns the IDs of its browsers. */
  async function usePushService(page) {
    const subscribed = [];
    await page.exposeFunction('subscribeBrowser', async (key) => {
      const { id, subscription } = await service.subscribe(key);
      subscribed.push(id);
      return subscription;
    });
    await page.evaluate(() => {
      let current = null;
      PushManager.prototype.getSubscription = async () => current;
      PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
        const json = await window.subscribeBrowser(applicationServerKey);
        const text = atob(applicationServerKey.replaceAll('-', '+').replaceAll('_', '/'));
        const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
        return (current = {
          options: { applicationServerKey: bytes.buffer },
          toJSON: () => json,
          unsubscribe: async () => Boolean((current = null)),
        });
      };
    });
    return subscribed;
  }

  test('a push service that does not answer is waited for, and said', async () => {
    const page = await open('hanging', { permissions: ['notifications'] });
    await page.evaluate(() => {
      PushManager.prototype.subscribe = () => new Promise((_, no) => (window.answer = no));
    });
    const device = bell(page).getByRole('switch', { name: 'Notifications of this device' });
    await openSettings(page);
    await device.check();
    await bell(page).getByText('Asking the browser …').waitFor();
    assert.equal(await device.getAttribute('aria-busy'), 'true');
    await until('it asks', () => page.evaluate(() => Boolean(window.answer)));
    await page.evaluate(() => window.answer(new DOMException('no', 'AbortError')));
    await bell(page)
      .locator('#device-hint')
      .getByText(/cannot reach its push service/)
      .waitFor();
    assert.equal(await device.isChecked(), false);
    await done(page);
  });

  test('the switch subscribes this device, a click marks as read, and switching off unsubscribes', async () => {
    const page = await open('pushed', { permissions: ['notifications'] });
    const browsers = await usePushService(page);
    const device = bell(page).getByRole('switch', { name: 'Notifications of this device' });
    await openSettings(page);
    assert.equal(await device.isChecked(), false);
    assert.equal(
      await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length),
      0,
      'nothing is registered before the click',
    );
    await device.check();
    await until('it is saved', async () => (await result(page).textContent()) === 'Saved');
    await fixture.hub.publish({ type: 'PUSHED', user_id: 'pushed', time: '11:00' });
    await until('it arrives', async () => (await service.messages(browsers[0])).length === 1);
    const [message] = await service.messages(browsers[0]);

    // The browser gives the message to the service worker, and its click marks it as read.
    const session = await page.context().newCDPSession(page);
    const registration = new Promise((resolve) =>
      session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        const known = registrations.find((one) => one.scopeURL.startsWith(fixture.hub.base));
        if (known) resolve(known.registrationId);
      }),
    );
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.deliverPushMessage', {
      origin: fixture.hub.base,
      registrationId: await registration,
      data: JSON.stringify(message),
    });
    const worker = page.context().serviceWorkers()[0];
    const shown = () =>
      worker.evaluate(async () =>
        (await self.registration.getNotifications()).map(({ title, body, tag }) => ({
          title,
          body,
          tag,
        })),
      );
    await until('it is shown', async () => (await shown()).length === 1);
    assert.deepEqual(await shown(), [
      { title: message.title, body: message.message, tag: message.notification_id },
    ]);
    await worker.evaluate(async () => {
      const [notification] = await self.registration.getNotifications();
      self.dispatchEvent(new self.NotificationEvent('notificationclick', { notification }));
    });
    await until('the click is recorded', async () => {
      const { notifications } = await api('/api/v1/admin/explain?user=pushed');
      return notifications[0].clicked_at;
    });
    assert.equal((await api('/api/v1/notifications/unread-count?user_id=pushed')).unread, 0);
    await until('it is closed', async () => (await service.messages(browsers[0])).length === 2);

    // A click while no page is open waits for the next one.
    await fixture.hub.publish({ type: 'PUSHED', user_id: 'pushed', time: '12:00' });
    await until('it arrives', async () => (await service.messages(browsers[0])).length === 3);
    const [, , second] = await service.messages(browsers[0]);
    await session.send('ServiceWorker.deliverPushMessage', {
      origin: fixture.hub.base,
      registrationId: await registration,
      data: JSON.stringify(second),
    });
    await until('it is shown', async () => (await shown()).length === 1);
    await worker.evaluate(async () => {
      const [notification] = await self.registration.getNotifications();
      self.clients.matchAll = async () => [];
      self.dispatchEvent(new self.NotificationEvent('notificationclick', { notification }));
    });
    await until('it is kept', () =>
      page.evaluate(async () => (await (await caches.open('lonceng-clicks')).keys()).length === 1),
    );
    const later = await page.context().newPage();
    await later.goto(page.url());
    await until('the click is recorded', async () => {
      const { notifications } = await api('/api/v1/admin/explain?user=pushed');
      const clicked = notifications.find((one) => one.notification_id === second.notification_id);
      return clicked?.clicked_at;
    });
    await later.close();

    await device.uncheck();
    await until('nothing is sent any more', async () => {
      await fixture.hub.publish({ type: 'PUSHED', user_id: 'pushed', time: 'never' });
      const { items: skipped } = await api(
        '/api/v1/admin/deliveries?user=pushed&channel=push&state=skipped',
      );
      return skipped.length > 0;
    });
    await done(page);
  });

  test('a blocked permission disables the switch, with an explanation', async () => {
    const page = await open('refused');
    await page.evaluate(() =>
      Object.defineProperty(Notification, 'permission', { get: () => 'denied' }),
    );
    await openSettings(page);
    const device = bell(page).getByRole('switch', { name: 'Notifications of this device' });
    assert.equal(await device.isDisabled(), true);
    await bell(page).getByText('The browser does not allow it for this site.').waitFor();
    await done(page);
  });

  test('the switch is hidden where Web Push of the hub is off', async () => {
    const other = await Hub.start({ env: UNLIMITED });
    const page = await openPage(fixture.browser, other, '/?user_id=none');
    await online(page);
    await openSettings(page);
    assert.equal(await bell(page).getByText('Notifications of this device').count(), 0);
    await done(page);
    await other.stop();
  });
});
