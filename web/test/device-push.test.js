import assert from 'node:assert/strict';
import { beforeEach, describe, it, mock } from 'node:test';

import { DevicePush } from '../src/device-push.js';
import { installBrowser } from './browser.js';

const KEY = 'BPq_-w';
const ORIGIN = 'https://page.example';

/** Push service of a browser with one service worker. */
class FakePushManager {
  subscription = null;

  async getSubscription() {
    return this.subscription;
  }

  async subscribe({ applicationServerKey: key }) {
    const bytes = Uint8Array.from(Buffer.from(key, 'base64url'));
    this.subscription = {
      options: { applicationServerKey: bytes.buffer },
      toJSON: () => ({ endpoint: 'https://push.example/1' }),
      unsubscribe: async () => (this.subscription = null),
    };
    return this.subscription;
  }
}

describe('DevicePush', () => {
  let manager;
  let registered;
  let requests;
  let answers;
  let push;

  beforeEach(() => {
    const { navigator } = installBrowser();
    manager = new FakePushManager();
    registered = [];
    requests = [];
    answers = { '/api/v1/push/key': [200, { public_key: KEY }] };
    const registration = () => ({
      active: {},
      pushManager: manager,
      scope: ORIGIN + registered.at(-1)?.scope,
    });
    navigator.serviceWorker = {
      async register(script, { scope }) {
        registered.push({ script, scope });
        return registration();
      },
      getRegistration: async () => (registered.length ? registration() : undefined),
    };
    Object.assign(globalThis, {
      PushManager: FakePushManager,
      Notification: { permission: 'default', requestPermission: async () => 'granted' },
      async fetch(url, { method, body }) {
        requests.push([method, url.pathname, body && JSON.parse(body)]);
        const [status, answer] = answers[url.pathname] ?? [200, {}];
        return new Response(JSON.stringify(answer), { status });
      },
    });
    push = new DevicePush({ hub: ORIGIN, token: 'secret' });
  });

  it('is unavailable without support in the browser, and does not ask the hub', async () => {
    delete globalThis.PushManager;
    assert.equal(await push.state(), 'unavailable');
    assert.deepEqual(requests, []);
  });

  it('is unavailable when Web Push of the hub is off', async () => {
    answers['/api/v1/push/key'] = [404, { detail: 'Web Push is off' }];
    assert.equal(await push.state(), 'unavailable');
  });

  it('is possible only on pages of the origin of the hub', async () => {
    assert.equal(await new DevicePush({ hub: 'https://hub.example' }).state(), 'elsewhere');
  });

  it('is blocked when the user has refused the permission', async () => {
    globalThis.Notification.permission = 'denied';
    assert.equal(await push.state(), 'blocked');
  });

  it('subscribes with the key of the hub, and unsubscribes', async () => {
    assert.equal(await push.state(), 'off');
    assert.deepEqual(registered, [], 'nothing is registered before the user asks for it');
    assert.equal(await push.enable(), 'on');
    assert.equal(await push.state(), 'on');
    assert.deepEqual(registered, [{ script: '/lonceng-sw.js', scope: '/lonceng-sw.js' }]);
    assert.equal(await push.disable(), 'off');
    assert.equal(await push.state(), 'off');
    const subscription = { endpoint: 'https://push.example/1' };
    assert.deepEqual(requests, [
      ['GET', '/api/v1/push/key', undefined],
      ['POST', '/api/v1/push/subscriptions', subscription],
      ['POST', '/api/v1/push/subscriptions', subscription],
      ['DELETE', '/api/v1/push/subscriptions', subscription],
    ]);
  });

  it('fails when the push service does not answer, and drops what comes too late', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let answer;
    manager.subscribe = () => new Promise((resolve) => (answer = resolve));
    const enabled = assert.rejects(push.enable(), { name: 'NoPushService' });
    while (!answer) await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(20_000);
    await enabled;
    let dropped = false;
    answer({ unsubscribe: async () => (dropped = true) });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(dropped, true);
    mock.timers.reset();
  });

  it('does not subscribe without the permission', async () => {
    globalThis.Notification.requestPermission = async () => 'default';
    assert.equal(await push.enable(), 'off');
    assert.deepEqual(registered, []);
  });

  it('drops the subscription when the hub does not store it', async () => {
    answers['/api/v1/push/subscriptions'] = [503, { detail: 'unavailable' }];
    await assert.rejects(push.enable(), /unavailable/);
    assert.equal(manager.subscription, null);
  });

  it('gives the hub a subscription that it may have for another user, or not any more', async () => {
    await push.enable();
    const other = new DevicePush({ hub: ORIGIN, token: 'of another user' });
    requests.length = 0;
    assert.equal(await other.state(), 'on');
    const [, renewed] = requests;
    assert.deepEqual(renewed.slice(0, 2), ['POST', '/api/v1/push/subscriptions']);
    answers['/api/v1/push/subscriptions'] = [503, { detail: 'unavailable' }];
    assert.equal(await other.state(), 'off');
  });

  it('is off when the hub has another key by now', async () => {
    await push.enable();
    answers['/api/v1/push/key'] = [200, { public_key: 'BAAA' }];
    assert.equal(await new DevicePush({ hub: ORIGIN }).state(), 'off');
  });

  it('ignores subscriptions of another service worker of the site', async () => {
    await push.enable();
    registered.push({ script: '/sw.js', scope: '/' });
    assert.equal(await push.state(), 'off');
  });
});
