import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { Tabs } from '../src/tabs.js';
import { installBrowser, settle } from './browser.js';

describe('Tabs', () => {
  let browser;
  /** @type {Tabs[]} */
  let open;
  const tab = (name = 'inbox') => {
    const record = { leads: 0, heard: [] };
    record.tabs = new Tabs(
      name,
      () => (record.leads += 1),
      (message) => record.heard.push(message),
    );
    open.push(record.tabs);
    return record;
  };
  beforeEach(() => {
    browser = installBrowser();
    open = [];
  });
  afterEach(() => {
    for (const tabs of open) tabs.close();
    mock.timers.reset();
  });

  it('leads at once when it is alone', async () => {
    const alone = tab(null);
    assert.equal(alone.leads, 0, 'not within the constructor');
    await settle();
    assert.equal(alone.leads, 1);
  });

  it('has one leader, and the next one when that closes', async () => {
    const [first, second] = [tab(), tab()];
    await settle();
    assert.deepEqual([first.leads, second.leads], [1, 0]);
    first.tabs.close();
    await settle();
    assert.deepEqual([first.tabs.leads, second.leads], [false, 1]);
  });

  it('keeps the inboxes of two users apart', async () => {
    const [budi, sari] = [tab('budi'), tab('sari')];
    budi.tabs.send('for budi');
    await settle();
    assert.deepEqual([budi.leads, sari.leads, sari.heard], [1, 1, []]);
  });

  it('broadcasts to the other tabs, not to itself', async () => {
    const [first, second, third] = [tab(), tab(), tab()];
    first.tabs.send({ status: 'online' });
    await settle();
    assert.deepEqual(
      [first.heard, second.heard, third.heard],
      [[], [{ status: 'online' }], [{ status: 'online' }]],
    );
  });

  it('gives the lead to another tab on request', async () => {
    const [first, second] = [tab(), tab()];
    await settle();
    first.tabs.yield();
    await settle();
    assert.deepEqual([first.tabs.leads, second.tabs.leads], [false, true]);
  });

  it('never leads when it was closed before its turn', async () => {
    const [first, second] = [tab(), tab()];
    await settle();
    second.tabs.close();
    first.tabs.close();
    await settle();
    assert.equal(second.leads, 0);
  });

  it('lets one tab claim a notification', async () => {
    const [first, second] = [tab(), tab()];
    const claims = [first.tabs.claims('n1'), second.tabs.claims('n1'), second.tabs.claims('n2')];
    assert.deepEqual(await Promise.all(claims), [true, false, true]);
  });

  it('prefers a visible tab for a claim', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const [hidden, visible] = [tab(), tab()];
    browser.document.visibilityState = 'hidden';
    const late = hidden.tabs.claims('n1');
    browser.document.visibilityState = 'visible';
    assert.equal(await visible.tabs.claims('n1'), true);
    mock.timers.tick(200);
    assert.equal(await late, false);
  });
});
