import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { installBrowser, settle } from './browser.js';
import { installDom } from './dom.js';

installBrowser();
const { words } = await import('../src/messages.js');
const { View } = await import('../src/view.js');
const { PreferencesView } = await import('../src/preferences-view.js');

const item = (n, more = {}) => ({
  notification_id: `id-${n}`,
  stream_id: `1700000000000-${n}`,
  title: `Title ${n}`,
  message: 'Message',
  priority: 'MEDIUM',
  created_at: '2026-01-01T00:00:00Z',
  count: 1,
  status: 'unread',
  ...more,
});

const PREFERENCES = { muted_types: [], channels: {}, quiet_hours: null, retention_days: null };

describe('a view of an inbox', () => {
  let client, view, body;
  const show = async (made) => {
    view = made;
    view.setLanguage(words('en'), 'en');
    const root = document.createElement('div').attachShadow();
    body.append(root.host);
    root.append(view.root);
    view.show?.();
    await settle();
  };
  const host = () => ({
    element: document.createElement('lonceng-inbox'),
    client: () => client,
    click: () => true,
    announce: () => {},
    renderItem: () => null,
  });
  beforeEach(() => {
    installBrowser();
    body = installDom();
    mock.timers.enable({ apis: ['setTimeout'] });
    client = {
      status: 'online',
      mayShow: true,
      generation: 0,
      unread: 1,
      items: [],
      matching: () => client.items,
      loadOlder: mock.fn(async () => null),
      preferences: mock.fn(async () => PREFERENCES),
      savePreferences: mock.fn(async () => PREFERENCES),
      types: async () => new Map(),
      markAllSeen: () => {},
      devicePush: { state: async () => 'unavailable' },
    };
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  it('loads its first page again when the inbox has started over', async () => {
    await show(new View(host()));
    view.render();
    await settle();
    assert.equal(client.loadOlder.mock.callCount(), 1);
    client.generation += 1;
    view.render();
    await settle();
    assert.equal(client.loadOlder.mock.callCount(), 2);
    client.status = 'connecting';
    client.generation += 1;
    view.render();
    client.status = 'online';
    view.render();
    await settle();
    assert.equal(client.loadOlder.mock.callCount(), 3, 'when it is online');
  });

  it('keeps the focus, and with it its keys, when the last row goes and when one comes', async () => {
    client.items = [item(1)];
    await show(new View(host()));
    const root = view.root.getRootNode();
    const focused = () => root.activeElement?.className;
    view.root.querySelector('.item').focus();
    client.items = [];
    view.render();
    assert.equal(focused(), 'empty');
    const empty = root.activeElement;
    view.render();
    assert.equal(root.activeElement, empty, 'a screen reader does not begin again');
    client.items = [item(2)];
    view.render();
    assert.match(focused(), /^item/);
    // Without the focus in the list, it stays where it is.
    view.root.querySelector('.tab').focus();
    client.items = [];
    view.render();
    assert.equal(focused(), 'tab');
  });

  it('leaves the keys to the controls of a row of the page', async () => {
    client.items = [item(1)];
    await show(new View(host()));
    const control = (tag, more = {}) => {
      const made = Object.assign(document.createElement(tag), more);
      view.root.querySelector('.list').append(made);
      return made;
    };
    const moves = (target, key) => {
      view.root.querySelector('.gear').focus();
      view.key(target.fire('keydown', { key }));
      return view.root.getRootNode().activeElement.className !== 'gear';
    };
    for (const own of [
      control('textarea'),
      control('select'),
      control('input'),
      control('div', { isContentEditable: true }),
    ])
      for (const key of ['j', 'k', '/', '?', 'Home', 'ArrowDown'])
        assert.equal(moves(own, key), false, `${own.localName} ${key}`);
    assert.equal(moves(view.root.querySelector('.query'), 'ArrowDown'), true);
    assert.equal(moves(control('button'), 'j'), true);
  });

  it('closes the settings and the undo of an earlier user', async () => {
    client.items = [item(1)];
    client.archive = () => {};
    await show(new View(host()));
    const row = view.root.querySelector('.item');
    row.focus();
    view.key(row.fire('keydown', { key: 'e' }));
    assert.match(view.root.querySelector('.bar').textContent, /Archived/);
    view.root.querySelector('.gear').click();
    await settle();
    const settings = view.root.querySelector('.settings');
    assert.equal(settings.querySelectorAll('.save').length, 1);
    client.generation += 1;
    view.render();
    assert.deepEqual([settings.hidden, settings.children], [true, []]);
    assert.equal(view.root.querySelector('.bar').textContent, '');
  });

  it('does not fill the settings with those of an earlier user', async () => {
    let answer;
    client.preferences = () => new Promise((resolve) => (answer = resolve));
    const before = client;
    await show(new PreferencesView(host()));
    view.render();
    client = { ...client, preferences: async () => ({ ...PREFERENCES, retention_days: 3 }) };
    view.forget();
    view.render();
    await settle();
    answer({ ...PREFERENCES, retention_days: 15 });
    await settle();
    view.root.querySelector('form').fire('submit');
    assert.equal(before.savePreferences.mock.callCount(), 1, 'the mock is shared');
    assert.equal(before.savePreferences.mock.calls[0].arguments[0].retention_days, 3);
  });
});
