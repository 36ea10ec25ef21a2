import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { FakeSocket, installBrowser, settle } from './browser.js';

installBrowser();
const { Client } = await import('../src/client.js');

const HUB = 'https://hub.example';

/** A token of a user. The hub of these tests does not look at its signature. */
const token = (sub, more = {}) =>
  `h.${Buffer.from(JSON.stringify({ sub, ...more })).toString('base64url')}.s`;

const item = (n, more = {}) => ({
  notification_id: `id-${n}`,
  stream_id: `1700000000000-${n}`,
  revision: n,
  status: 'unread',
  read: false,
  seen_at: null,
  ...more,
});

/** Notifications of a user become known. */
const push = (socket, ...numbers) => {
  for (const n of numbers)
    socket.receive({
      type: 'notification.push',
      data: { ...item(n), previous_revision: n - 1, unread: n, unseen: n },
    });
};

/** The hub accepts a connection. */
const welcome = async (socket, data = {}) => {
  socket.open();
  const state = { epoch: 'e1', revision: 0, unread: 0, unseen: 0, heartbeat_seconds: 30 };
  socket.receive({ type: 'connected', data: { ...state, ...data } });
  await settle();
};

const refuse = (socket, code) => socket.receive({ type: 'error', data: { code } });

/** Messages sent since the last time. */
const sent = (socket) =>
  socket.sent
    .splice(0)
    .map(({ type, notification_id }) => `${type} ${notification_id ?? ''}`.trim());

describe('the synchronization of an inbox', () => {
  /** @type {InstanceType<typeof Client>[]} */
  let open;
  /** Requests over HTTP, and what the hub answers; without an answer it is away. */
  let requests, answers;
  const start = async (options = {}) => {
    const client = new Client({ hub: HUB, token: token('budi'), ...options });
    open.push(client);
    await settle();
    return client;
  };
  /** A client with a connection. */
  const online = async (options) => {
    const client = await start(options);
    await welcome(FakeSocket.last);
    return [client, FakeSocket.last];
  };
  /** The hub is away, or refuses the credentials with this status. */
  const fail = async (socket, code = 1006) => {
    socket.end(code);
    for (let n = 0; n < 3; n += 1) await settle();
  };
  beforeEach(() => {
    installBrowser();
    [open, requests, answers] = [[], [], {}];
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    mock.method(console, 'warn', () => {});
    mock.method(globalThis, 'fetch', async (url, { method, headers, body } = {}) => {
      const request = `${method ?? 'GET'} ${new URL(url).pathname}`;
      requests.push({ request, headers, body: body && JSON.parse(body) });
      const answer = answers[request] ?? answers.all;
      if (!answer) throw new TypeError('failed to fetch');
      const { status = 200, ...data } = answer instanceof Function ? await answer() : answer;
      return { status, ok: status < 400, headers: new Headers(), json: async () => data };
    });
  });
  afterEach(() => {
    for (const client of open) client.close();
    mock.timers.reset();
    mock.restoreAll();
  });

  it('sends marks that could not be stored again once, however many there are', async () => {
    const [client, socket] = await online();
    push(socket, 1, 2, 3);
    for (const n of [1, 2, 3]) client.markRead(`id-${n}`);
    const marks = [1, 2, 3].map((n) => `notification.read id-${n}`);
    assert.deepEqual(sent(socket), marks);
    for (let round = 0; round < 3; round += 1) {
      for (const code of ['unavailable', 'unavailable', 'rate_limited']) refuse(socket, code);
      mock.timers.tick(3_000);
      assert.deepEqual(sent(socket), marks, `round ${round}`);
    }
  });

  it('sends them again once from another tab, too', async () => {
    const [leader, socket] = await online();
    const other = await start();
    push(socket, 1, 2);
    await settle();
    for (const n of [1, 2]) other.markRead(`id-${n}`);
    await settle();
    const marks = [1, 2].map((n) => `notification.read id-${n}`);
    assert.deepEqual([leader.leads, other.leads, sent(socket)], [true, false, marks]);
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 2; n += 1) refuse(socket, 'unavailable');
      await settle();
      mock.timers.tick(3_000);
      await settle();
      assert.deepEqual(sent(socket), marks, `round ${round}`);
    }
  });

  it('requests missing changes again if the hub could not read them', async () => {
    const [client, socket] = await online();
    push(socket, 4);
    assert.deepEqual(sent(socket), ['sync.request']);
    refuse(socket, 'unavailable');
    mock.timers.tick(3_000);
    assert.deepEqual(sent(socket), ['sync.request']);
    const data = [1, 2, 3, 4].map((n) => item(n));
    socket.receive({ type: 'sync.response', data, revision: 4, unread: 4, complete: true });
    assert.deepEqual([client.revision, client.items.length], [4, 4]);
    refuse(socket, 'unavailable');
    mock.timers.tick(3_000);
    assert.deepEqual(sent(socket), [], 'nothing is missing any more');
  });

  it('sends marks that fall between two connections when the token is renewed', async () => {
    const [client, before] = await online();
    const other = await start();
    push(before, 1, 2, 3);
    await settle();
    client.markRead('id-1');
    assert.deepEqual(sent(before), ['notification.read id-1']);
    client.useToken(token('budi', { n: 2 }));
    await settle();
    const after = FakeSocket.last;
    client.archive('id-2');
    other.archive('id-3');
    await settle();
    assert.deepEqual([sent(before), client.status, other.status], [[], 'online', 'online']);
    await welcome(after, { revision: 3, unread: 1 });
    const marks = ['read id-1', 'archive id-2', 'archive id-3'].map((one) => `notification.${one}`);
    assert.deepEqual([...new Set(sent(after))].sort(), [...marks].sort());
    // The hub refuses the oldest one: nothing else counts as in flight.
    refuse(after, 'not_found');
    for (const [type, id] of marks.slice(1).map((one) => one.split(' ')))
      after.receive({
        type: `${type}.ack`,
        data: { notification_id: id, status: 'archived', revision: 3 },
      });
    await settle();
    await fail(after);
    mock.timers.tick(1_000);
    await welcome(FakeSocket.last, { revision: 3 });
    assert.deepEqual(sent(FakeSocket.last), [], 'nothing is sent a third time');
  });

  it('starts over when getToken returns a token of another user', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    let user = 'budi';
    const getToken = async () => token(user, { iat: seconds, exp: seconds + 600 });
    const [client, socket] = await online({ token: undefined, getToken });
    push(socket, 1, 2);
    answers.all = () => ({ items: [item(2)], next_cursor: null, epoch: 'e1', revision: 2 });
    await client.loadOlder(null);
    assert.equal(client.items.length, 2);
    // A mark that waits, and a request in flight.
    socket.readyState = 3;
    client.markRead('id-1');
    let answer;
    answers.all = () => new Promise((resolve) => (answer = resolve));
    const page = client.loadOlder(null);
    await settle();
    user = 'sari';
    for (let left = 560; left > 0; left -= 1) mock.timers.tick(1_000);
    await settle();
    const state = () => [client.status, client.items, client.unread, client.generation];
    assert.deepEqual(state(), ['connecting', [], 0, 1]);
    answer({ items: [item(2)], next_cursor: null, epoch: 'e1', revision: 2 });
    await page;
    assert.deepEqual(state(), ['connecting', [], 0, 1], 'nothing of the earlier user comes back');
    const { url, protocols } = FakeSocket.last;
    assert.deepEqual([url, protocols[1]], ['wss://hub.example/ws', `token.${await getToken()}`]);
    await welcome(FakeSocket.last, { epoch: 'e1', revision: 9, unread: 1, unseen: 1 });
    assert.deepEqual(sent(FakeSocket.last), []);
    assert.deepEqual(state(), ['online', [], 1, 1]);
  });

  it('sends no request of one user with the token of another', async () => {
    let user = 'budi';
    const getToken = async () => token(user);
    const [client] = await online({ token: undefined, getToken });
    answers.all = { status: 401 };
    user = 'sari';
    await assert.rejects(client.preferences());
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      [`Bearer ${token('budi')}`],
    );
    assert.deepEqual([client.status, client.generation], ['connecting', 1]);
  });

  it('ignores marks after it was closed', async () => {
    const [client, socket] = await online();
    push(socket, 1);
    client.close();
    client.markRead('id-1');
    assert.deepEqual(sent(socket), []);
  });

  describe('without a WebSocket', () => {
    const READ = 'POST /api/v1/notifications/id-';
    const page = (revision, unread, items = []) => ({ epoch: 'e1', revision, unread, items });
    /** Two tabs with the notifications 1 and 2, whose connection is lost and refused from now on. */
    const tabs = async () => {
      const [leader, socket] = await online();
      const other = await start();
      push(socket, 1, 2);
      await settle();
      for (let n = 0; n < 4; n += 1) {
        await fail(FakeSocket.last);
        for (let left = 4; left > 0; left -= 1) mock.timers.tick(1_000);
      }
      assert.deepEqual([leader.status, other.status], ['offline', 'offline']);
      return [leader, other];
    };
    const poll = async () => {
      requests = [];
      for (let left = 30; left > 0; left -= 1) {
        mock.timers.tick(1_000);
        await settle();
        if (FakeSocket.last.readyState === 0) await fail(FakeSocket.last);
      }
    };
    const marks = () => requests.map((one) => one.request).filter((one) => one.startsWith('POST'));

    it('sends the marks of every tab with the next request, before it asks', async () => {
      const [leader, other] = await tabs();
      const read = (n) => item(n, { revision: n + 2, status: 'read', read: true });
      let polled = page(2, 2);
      answers['GET /api/v1/notifications'] = () => polled;
      for (const n of [1, 2])
        answers[`${READ}${n}/read`] = () => {
          polled = page(n + 2, 2 - n, [...polled.items, read(n)]);
          return {};
        };
      leader.markRead('id-1');
      other.markRead('id-2');
      await poll();
      assert.deepEqual(marks(), [`${READ}1/read`, `${READ}2/read`]);
      for (const tab of [leader, other]) {
        assert.deepEqual([tab.unread, tab.revision], [0, 4]);
        assert.ok(tab.items.every(({ status }) => status === 'read'));
      }
      await poll();
      assert.deepEqual(marks(), [], 'nothing is sent twice');
    });

    it('drops a mark that the hub refuses, and keeps one that it cannot store', async () => {
      const [leader] = await tabs();
      answers['GET /api/v1/notifications'] = page(2, 2);
      answers[`${READ}1/read`] = { status: 404 };
      answers[`${READ}2/read`] = { status: 503 };
      for (const n of [1, 2]) leader.markRead(`id-${n}`);
      for (const expected of [[1, 2], [2], [2]]) {
        await poll();
        assert.deepEqual(
          marks(),
          expected.map((n) => `${READ}${n}/read`),
        );
      }
    });
  });

  describe('with refused credentials', () => {
    /** Two tabs whose tokens have expired; the first one had the connection. */
    const refused = async () => {
      answers.all = { status: 401, detail: 'it expired' };
      const [first, socket] = await online();
      const second = await start();
      await fail(socket, 4001);
      await fail(FakeSocket.last);
      return [first, second];
    };

    it('says so in every tab', async () => {
      const [first, second] = await refused();
      assert.equal(FakeSocket.all.length, 2);
      assert.deepEqual([first.status, second.status], ['unauthorized', 'unauthorized']);
      mock.timers.tick(60_000);
      await settle();
      assert.equal(FakeSocket.all.length, 2, 'neither tries again');
    });

    it('follows a tab that is accepted, and not beyond it', async () => {
      const [first, second] = await refused();
      const third = await start();
      assert.deepEqual([third.leads, third.status], [true, 'connecting']);
      assert.deepEqual([first.status, second.status], ['unauthorized', 'unauthorized']);
      await welcome(FakeSocket.last);
      push(FakeSocket.last, 1);
      await settle();
      assert.deepEqual([first.status, first.unread, second.status], ['online', 1, 'online']);
      third.close();
      for (let n = 0; n < 2; n += 1) {
        await settle();
        await fail(FakeSocket.last);
      }
      assert.deepEqual([first.status, second.status], ['unauthorized', 'unauthorized']);
      assert.equal(FakeSocket.all.length, 5, 'each has tried once');
    });

    it('connects with another token', async () => {
      for (const share of [false, true]) {
        const [client, socket] = await online({ share });
        await fail(socket, 4001);
        assert.equal(client.status, 'unauthorized');
        client.useToken(token('budi', { n: 2 }));
        await settle();
        assert.equal(FakeSocket.last.protocols[1], `token.${token('budi', { n: 2 })}`);
        await welcome(FakeSocket.last);
        assert.deepEqual([client.status, client.leads], ['online', true]);
        client.close();
      }
    });

    it('leaves no timer behind when its token is malformed', async () => {
      const running = new Set();
      const { setInterval: begin, clearInterval: end } = globalThis;
      mock.method(globalThis, 'setInterval', (...of) => {
        const timer = begin(...of);
        running.add(timer);
        return timer;
      });
      mock.method(globalThis, 'clearInterval', (timer) => {
        running.delete(timer);
        end(timer);
      });
      mock.method(globalThis, 'WebSocket', () => {
        throw new SyntaxError('malformed');
      });
      const client = await start({ token: 'a b' });
      client.useToken('c d');
      await settle();
      assert.equal(client.status, 'forbidden');
      client.close();
      assert.equal(running.size, 0);
    });
  });
});
