// The store of a provider, with a hub that the test plays.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

/** WebSocket that the test opens, and on which it plays the hub. */
class FakeSocket {
  static OPEN = 1;
  static last;
  readyState = 0;
  constructor() {
    FakeSocket.last = this;
  }
  receive(message) {
    this.readyState = 1;
    this.onmessage({ data: JSON.stringify(message) });
  }
  send() {}
  close() {}
}

const events = new EventTarget();
Object.assign(globalThis, {
  WebSocket: FakeSocket,
  document: Object.assign(new EventTarget(), { visibilityState: 'visible' }),
  location: new URL('https://page.example/'),
  addEventListener: events.addEventListener.bind(events),
  removeEventListener: events.removeEventListener.bind(events),
});
const { InboxStore } = await import('../dist/store.js');

const settle = async () => {
  for (let n = 0; n < 50; n += 1) await Promise.resolve();
};
const FILTER = { tab: 'all' };
let pages;
/** Requests of a page of the list that wait for their answer. */
let asked;
const answer = async (...revisions) => {
  const items = revisions.map((revision) => ({
    notification_id: `id-${revision}`,
    stream_id: `1-${revision}`,
    revision,
    status: 'read',
  }));
  asked.shift()({ epoch: pages, revision: 9, items, next_cursor: null });
  await settle();
};

let store;
beforeEach(async () => {
  [pages, asked] = ['e1', []];
  mock.method(globalThis, 'fetch', async () => {
    const data = await new Promise((resolve) => asked.push(resolve));
    return { ok: true, status: 200, json: async () => data };
  });
  store = new InboxStore();
  store.configure({ hub: 'https://hub.example', userId: 'budi', share: false });
  await settle();
  FakeSocket.last.receive({ type: 'connected', data: { epoch: 'e1', revision: 9, unread: 0 } });
});
afterEach(async () => {
  store.retain()();
  await settle();
  mock.restoreAll();
});
const reset = (epoch) => {
  pages = epoch;
  FakeSocket.last.receive({ type: 'reset', data: { epoch, revision: 9, unread: 0 } });
};
const listed = () => store.getItems(FILTER).map((item) => item.notification_id);

test('a page counts as not loaded when the inbox has started over', async () => {
  void store.loadFirst(FILTER);
  await settle();
  await answer(7);
  assert.deepEqual([store.getPage(FILTER).isLoaded, listed()], [true, ['id-7']]);
  reset('e2');
  assert.deepEqual([store.getPage(FILTER).isLoaded, listed()], [false, []]);
  void store.loadFirst(FILTER);
  await settle();
  await answer(3);
  assert.deepEqual([store.getPage(FILTER).isLoaded, listed()], [true, ['id-3']]);
});

test('a page that is being loaded meanwhile is loaded again', async () => {
  void store.loadFirst(FILTER);
  await settle();
  reset('e2');
  await answer(7);
  assert.deepEqual([store.getPage(FILTER).isLoaded, listed()], [false, []]);
  await answer(3);
  assert.deepEqual([store.getPage(FILTER).isLoaded, listed()], [true, ['id-3']]);
});
