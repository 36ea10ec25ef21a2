import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { FakeSocket, installBrowser, settle } from './browser.js';

installBrowser();
globalThis.HTMLElement ??= class {};
const { Client } = await import('../src/client.js');
const { Feed } = await import('../src/feed.js');

describe('A visit to a page', () => {
  let browser;
  const open = [];
  const fire = async (name) => {
    browser.window.dispatchEvent(new Event(name));
    await settle();
  };
  const start = async (made) => {
    open.push(made);
    await settle();
    return made;
  };
  const welcome = (type) => {
    FakeSocket.last.open();
    FakeSocket.last.receive({ type, data: { heartbeat_seconds: 30, unread: 0, revision: 0 } });
  };
  const options = { hub: 'https://hub.example', userId: 'budi' };
  beforeEach(() => (browser = installBrowser()));
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  it('ends with the connection, and begins with another one', async () => {
    const client = await start(new Client(options));
    welcome('connected');
    assert.deepEqual([client.status, client.leads], ['online', true]);
    await fire('pagehide');
    assert.equal(FakeSocket.last.closedWith, 1000);
    assert.deepEqual([client.status, client.leads], ['connecting', false]);
    assert.equal(FakeSocket.all.length, 1);
    await fire('pageshow');
    welcome('connected');
    assert.deepEqual([client.status, FakeSocket.all.length], ['online', 2]);
  });

  it('hands the connection over to another tab', async () => {
    const leaving = await start(new Client(options));
    // The other tab has a window of its own.
    const { window } = browser;
    const elsewhere = new EventTarget();
    globalThis.addEventListener = elsewhere.addEventListener.bind(elsewhere);
    const other = await start(new Client(options));
    assert.deepEqual([leaving.leads, other.leads, FakeSocket.all.length], [true, false, 1]);
    window.dispatchEvent(new Event('pagehide'));
    await settle();
    assert.deepEqual([leaving.leads, other.leads, FakeSocket.all.length], [false, true, 2]);
  });

  it('does not begin twice when the page has loaded', async () => {
    await start(new Client(options));
    await fire('pageshow');
    assert.equal(FakeSocket.all.length, 1);
  });

  it('is over for good when the inbox is closed', async () => {
    const client = await start(new Client(options));
    client.close();
    await fire('pagehide');
    await fire('pageshow');
    assert.equal(FakeSocket.all.length, 1);
  });

  it('ends a feed as well, which subscribes again', async () => {
    const feed = await start(new Feed({ ...options, feed: 'availability' }));
    welcome('subscribed');
    assert.equal(feed.status, 'online');
    await fire('pagehide');
    assert.deepEqual([feed.status, FakeSocket.last.closedWith], ['connecting', 1000]);
    await fire('pageshow');
    FakeSocket.last.open();
    assert.deepEqual([FakeSocket.all.length, FakeSocket.last.sent[0].type], [2, 'subscribe']);
  });
});
