import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { FakeSocket, installBrowser, settle } from './browser.js';

installBrowser();
const { Client } = await import('../src/client.js');
const { acquire, release } = await import('../src/shared-clients.js');

const HUB = 'https://hub.example';

describe('a client without an identity', () => {
  /** @type {InstanceType<typeof Client> | undefined} */
  let client;
  /** Statuses and reasons, as a page sees them. */
  let seen;
  const start = (options = {}) => {
    client = new Client({ hub: HUB, share: false, ...options });
    client.addEventListener('change', () => {
      const last = `${client.status}: ${client.reason}`;
      if (seen.at(-1) !== last) seen.push(last);
    });
    return client;
  };
  beforeEach(() => {
    installBrowser();
    seen = [];
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    mock.method(console, 'warn', () => {});
    mock.method(globalThis, 'fetch', async () => assert.fail('it must not ask the hub'));
  });
  afterEach(() => {
    client?.close();
    mock.timers.reset();
    mock.restoreAll();
  });

  it('is connecting for a second, and then not signed in, with what to do', async () => {
    start();
    await settle();
    mock.timers.tick(999);
    assert.deepEqual([client.status, seen], ['connecting', []]);
    mock.timers.tick(1);
    assert.deepEqual(seen, [
      'unauthorized: no identity: set the attribute token, the property getToken, or auth="cookie"',
    ]);
    assert.equal(FakeSocket.all.length, 0);
  });

  it('sends no request meanwhile', async () => {
    start();
    await assert.rejects(client.preferences(), /no token/);
  });

  it('connects with a token that comes within the second, or later', async () => {
    for (const late of [500, 5_000]) {
      FakeSocket.all = [];
      seen = [];
      start();
      mock.timers.tick(late);
      client.useToken('t');
      await settle();
      assert.deepEqual(FakeSocket.last.protocols, ['lonceng.v1', 'token.t']);
      assert.equal(client.status, 'connecting');
      mock.timers.tick(2_000);
      assert.equal(client.status, 'connecting', 'the second is over, and does not count');
      if (late < 1_000) assert.deepEqual(seen, []);
      client.close();
    }
  });

  it('says nothing after it was closed', async () => {
    start();
    client.close();
    mock.timers.tick(5_000);
    assert.deepEqual([client.status, seen], ['connecting', []]);
  });

  it('says why getToken gave no token', async () => {
    for (const [getToken, reason] of [
      [async () => '', /returned no token; is the user signed in/],
      [async () => '<html>', /is not a token; does its endpoint answer 200/],
      [async () => Promise.reject(new Error('secret')), /getToken failed; the console says why$/],
    ]) {
      start({ getToken });
      await settle();
      assert.equal(client.status, 'unauthorized');
      assert.match(client.reason, reason);
      client.close();
    }
  });

  it('logs once that getToken gives no token', async () => {
    const warn = mock.method(console, 'warn', () => {});
    let token = '';
    start({ getToken: async () => token });
    for (let n = 0; n < 4; n += 1) {
      await settle();
      mock.timers.tick(5_000);
    }
    assert.deepEqual(
      warn.mock.calls.map((call) => call.arguments),
      [['Lonceng: getToken returned no token; is the user signed in to the page?']],
    );
    await settle();
    token = 't';
    mock.timers.tick(5_000);
    await settle();
    assert.equal(client.status, 'connecting');
    warn.mock.restore();
  });

  it('does not connect again at once with a token that was refused', async () => {
    mock.method(globalThis, 'fetch', async () => new Response('{}', { status: 401 }));
    const warn = mock.method(console, 'warn', () => {});
    start({ getToken: async () => 'refused' });
    await settle();
    FakeSocket.last.end(1006);
    for (let n = 0; n < 5; n += 1) await settle();
    assert.deepEqual([FakeSocket.all.length, client.status], [1, 'unauthorized']);
    // It may be accepted later.
    mock.timers.tick(5_000);
    await settle();
    assert.equal(FakeSocket.all.length, 2);
    warn.mock.restore();
  });

  it('starts once if a token is set while getToken is asked', async () => {
    let answer;
    start({ getToken: () => new Promise((resolve) => (answer = resolve)) });
    await settle();
    client.useToken('first');
    await settle();
    answer('second');
    await settle();
    assert.equal(FakeSocket.all.length, 1);
  });

  it('is not shared with an element that comes after the second', async () => {
    const [early, soon, late] = [{}, {}, {}];
    const first = acquire({ hub: HUB }, early);
    assert.equal(acquire({ hub: HUB }, soon), first);
    mock.timers.tick(1_000);
    assert.equal(first.client.status, 'unauthorized');
    const second = acquire({ hub: HUB }, late);
    assert.equal(second.client.status, 'connecting');
    for (const [shared, user] of [
      [first, early],
      [first, soon],
      [second, late],
    ])
      release(shared, user);
  });
});
