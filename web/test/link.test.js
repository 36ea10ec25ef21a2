import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { FakeSocket, installBrowser, settle } from './browser.js';

installBrowser();
const { Link } = await import('../src/link.js');

describe('Link', () => {
  let browser;
  /** Statuses, their reasons and messages, as the protocol is told. */
  let statuses, reasons, messages, polls;
  /** @type {InstanceType<typeof Link> | undefined} */
  let link;
  const start = (more = {}, options = { hub: 'https://hub.example', token: 't' }) => {
    link = new Link(options, {
      address: () => 'wss://hub.example/ws',
      welcome: 'connected',
      onMessage: (message) => messages.push(message),
      onStatus: (status, reason) => {
        statuses.push(status);
        reasons.push(reason);
      },
      poll: async () => void (polls += 1),
      probe: ['GET', '/api/v1/notifications/unread-count'],
      ...more,
    });
    return link;
  };
  const online = () => {
    FakeSocket.last.open();
    FakeSocket.last.receive({ type: 'connected', data: { heartbeat_seconds: 30 } });
  };
  /** The hub answers the probe with this status; null: it cannot be reached. */
  const probed = (status, detail) => {
    mock.method(globalThis, 'fetch', async () => {
      if (status === null) throw new TypeError('failed to fetch');
      return new Response(detail && JSON.stringify({ detail }), { status });
    });
  };
  /** Lets time pass in small steps; a large one would look as if the machine had slept. */
  const wait = (milliseconds) => {
    for (let left = milliseconds; left > 0; left -= 1_000) mock.timers.tick(Math.min(left, 1_000));
  };
  const fail = async (code = 1006) => {
    FakeSocket.last.end(code);
    await settle();
  };
  beforeEach(() => {
    browser = installBrowser();
    [statuses, reasons, messages, polls] = [[], [], [], 0];
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    mock.method(console, 'warn', () => {});
    probed(null);
  });
  afterEach(() => {
    link?.close();
    mock.timers.reset();
    mock.restoreAll();
  });

  it('offers the token as a subprotocol', () => {
    start();
    assert.deepEqual(FakeSocket.last.protocols, ['lonceng.v1', 'token.t']);
  });

  it('is online when the hub has accepted it', () => {
    start();
    FakeSocket.last.open();
    assert.equal(link.send({ type: 'ping' }), false, 'not yet');
    online();
    assert.deepEqual(statuses, ['online']);
    assert.equal(link.send({ type: 'ping' }), true);
  });

  it('sends the first message of its protocol', () => {
    start({ hello: () => ({ type: 'subscribe' }) });
    FakeSocket.last.open();
    assert.deepEqual(FakeSocket.last.sent, [{ type: 'subscribe' }]);
  });

  it('reconnects with growing delays of at most 30 seconds', async () => {
    mock.method(Math, 'random', () => 1);
    start();
    const delays = [];
    for (let failures = 0; failures < 9; failures += 1) {
      const count = FakeSocket.all.length;
      await fail();
      let waited = 0;
      while (FakeSocket.all.length === count) {
        mock.timers.tick(250);
        waited += 250;
      }
      delays.push(waited);
    }
    assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('does not report a single failure, and the second as offline', async () => {
    start();
    online();
    await fail();
    assert.deepEqual(statuses, ['online', 'connecting']);
    mock.timers.tick(1_000);
    await fail();
    assert.equal(statuses.at(-1), 'offline');
  });

  it('begins with the shortest delay again after a success', async () => {
    start();
    for (let n = 0; n < 5; n += 1) {
      await fail();
      wait(30_000);
    }
    online();
    await fail();
    const count = FakeSocket.all.length;
    mock.timers.tick(500);
    assert.equal(FakeSocket.all.length, count + 1);
  });

  it('polls over HTTP after three failures, until it is online', async () => {
    start();
    for (let n = 0; n < 3; n += 1) {
      await fail();
      mock.timers.tick(4_000);
    }
    wait(30_000);
    assert.ok(polls >= 1);
    const before = polls;
    online();
    wait(60_000);
    assert.equal(polls, before);
  });

  it('is unauthorized after 4001, and does not reconnect by itself', async () => {
    start();
    online();
    await fail(4001);
    assert.equal(statuses.at(-1), 'unauthorized');
    assert.match(reasons.at(-1), /expired, or the user was signed out/);
    const count = FakeSocket.all.length;
    wait(120_000);
    assert.equal(FakeSocket.all.length, count);
  });

  it('reconnects after 4001 with a renewed token', async () => {
    const signIn = { refused: async () => true, mayRecover: true };
    start({ signIn });
    online();
    await fail(4001);
    assert.equal(FakeSocket.all.length, 2);
    online();
    assert.notEqual(statuses.at(-1), 'unauthorized');
  });

  it('finds out by a request that the origin is refused', async () => {
    probed(403);
    start();
    await fail();
    assert.deepEqual(statuses, ['forbidden']);
    assert.match(reasons[0], /refuses pages of https:\/\/page.example; add the origin to server/);
    assert.equal(console.warn.mock.calls[0].arguments[0], `Lonceng: forbidden: ${reasons[0]}`);
  });

  it('reports what the hub says about a caller without an inbox', async () => {
    probed(403, 'an API key has no inbox');
    start();
    await fail();
    assert.deepEqual([statuses, reasons], [['forbidden'], ['an API key has no inbox']]);
  });

  it('finds out by a request that the token is refused', async () => {
    probed(401);
    start();
    await fail();
    assert.deepEqual([statuses, reasons], [['unauthorized'], ['the hub refuses the sign-in']]);
  });

  it('reports what the hub says about a refused token, once, and what it says next', async () => {
    probed(401, 'the token is not accepted: its signature does not match');
    const signIn = { refused: async () => false, mayRecover: true };
    start({ signIn });
    await fail();
    wait(20_000);
    await settle();
    assert.deepEqual(reasons, ['the token is not accepted: its signature does not match']);
    probed(401, 'the token is not accepted: it expired at 2026-01-01T00:00:00Z');
    signIn.refused = async () => true;
    wait(5_000);
    await settle();
    signIn.refused = async () => false;
    await fail();
    assert.deepEqual(statuses, ['unauthorized', 'unauthorized']);
    assert.match(reasons[1], /it expired at 2026/);
    const warnings = console.warn.mock.calls.map((call) => call.arguments[0]);
    assert.deepEqual(
      warnings,
      reasons.map((reason) => `Lonceng: unauthorized: ${reason}`),
    );
  });

  it('waits long after too many connections', async () => {
    start();
    online();
    await fail(4009);
    wait(29_000);
    assert.equal(FakeSocket.all.length, 1);
    wait(1_000);
    assert.equal(FakeSocket.all.length, 2);
  });

  it('reconnects at once when the network is back', async () => {
    start();
    for (let n = 0; n < 6; n += 1) {
      await fail();
      wait(30_000);
    }
    await fail();
    const count = FakeSocket.all.length;
    browser.window.dispatchEvent(new Event('online'));
    assert.equal(FakeSocket.all.length, count + 1);
  });

  it('pings a silent connection, and replaces one that does not answer', async () => {
    start();
    online();
    wait(60_000);
    assert.deepEqual(FakeSocket.last.sent, [{ type: 'ping' }]);
    wait(15_000);
    await settle();
    assert.equal(FakeSocket.all[0].readyState, 3);
    mock.timers.tick(1_000);
    assert.equal(FakeSocket.all.length, 2);
  });

  it('checks the connection after the machine has slept', async () => {
    start();
    online();
    mock.timers.setTime(Date.now() + 3_600_000);
    mock.timers.tick(5_000);
    assert.deepEqual(FakeSocket.last.sent.at(-1), { type: 'ping' });
  });

  it('changes the connection without a change of status when the token is renewed', () => {
    start();
    online();
    link.renew();
    assert.deepEqual([FakeSocket.all.length, FakeSocket.all[0].closedWith], [2, 1000]);
    online();
    assert.deepEqual(statuses, ['online']);
  });

  it('ends for good when it is closed', async () => {
    start();
    online();
    link.close();
    wait(600_000);
    assert.deepEqual([FakeSocket.all.length, FakeSocket.last.closedWith], [1, 1000]);
  });
});
