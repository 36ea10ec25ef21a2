import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { Inbox } from '../src/inbox.js';

/** Notification with the sequence `n`, created at revision `n`. */
const item = (n, more = {}) => ({
  notification_id: `id-${n}`,
  stream_id: `1700000000000-${n}`,
  revision: n,
  status: 'unread',
  read: false,
  seen_at: null,
  ...more,
});

const push = (n, more = {}) => ({
  type: 'notification.push',
  data: { ...item(n), previous_revision: n - 1, unread: n, unseen: n, ...more },
});

const connected = (revision, unread = 0, epoch = 'e1') => ({
  type: 'connected',
  data: { epoch, revision, unread, unseen: unread },
});

const ids = (items) => items.map((one) => one.notification_id);

describe('Inbox', () => {
  /** @type {Inbox} */
  let inbox;
  beforeEach(() => {
    inbox = new Inbox();
    inbox.apply(connected(0));
  });

  it('has no position before the first connection', () => {
    assert.equal(new Inbox().position, null);
    assert.equal(inbox.position, 'e1.0');
  });

  it('reports a push as new and advances', () => {
    const effect = inbox.apply(push(1));
    assert.equal(effect.fresh.notification_id, 'id-1');
    assert.deepEqual([inbox.revision, inbox.unread, inbox.unseen], [1, 1, 1]);
  });

  it('ignores a repeated push', () => {
    inbox.apply(push(1));
    assert.deepEqual(inbox.apply(push(1)), {});
    assert.equal(inbox.items.length, 1);
  });

  it('lists the newest first', () => {
    for (const n of [1, 2, 3]) inbox.apply(push(n));
    assert.deepEqual(ids(inbox.items), ['id-3', 'id-2', 'id-1']);
  });

  it('reports a gap and stays at its revision', () => {
    const effect = inbox.apply(push(3));
    assert.equal(effect.gap, true);
    assert.equal(effect.fresh.notification_id, 'id-3');
    assert.equal(inbox.revision, 0);
  });

  it('closes a gap with the response to a sync', () => {
    inbox.apply(push(3));
    const response = {
      type: 'sync.response',
      data: [item(1), item(2), item(3)],
      revision: 3,
      unread: 3,
      unseen: 3,
      complete: true,
    };
    assert.deepEqual(inbox.apply(response), {});
    assert.equal(inbox.revision, 3);
  });

  it('asks again when changes arrived beyond the response to a sync', () => {
    inbox.apply(push(4));
    const response = {
      type: 'sync.response',
      data: [item(1)],
      revision: 1,
      unread: 1,
      complete: true,
    };
    assert.deepEqual(inbox.apply(response), { gap: true });
  });

  it('asks for the next page of an incomplete response', () => {
    const response = { type: 'sync.response', data: [item(1)], revision: 1, unread: 9 };
    assert.deepEqual(inbox.apply(response), { gap: true });
  });

  it('keeps the newer of two states of a notification', () => {
    inbox.apply(push(1));
    inbox.put(item(1, { revision: 5, status: 'read', read: true }));
    inbox.put(item(1, { revision: 2, status: 'unread' }));
    assert.equal(inbox.items[0].status, 'read');
  });

  it('separates the archive from the list', () => {
    inbox.put(item(1, { status: 'archived' }));
    inbox.put(item(2, { status: 'deleted' }));
    inbox.put(item(3));
    assert.deepEqual([ids(inbox.items), ids(inbox.archived)], [['id-3'], ['id-1']]);
  });

  it('applies an update from another device', () => {
    inbox.apply(push(1));
    const data = { ...item(1, { revision: 2, status: 'read', read: true }), previous_revision: 1 };
    inbox.apply({ type: 'notification.update', data: { ...data, unread: 0, unseen: 0 } });
    assert.deepEqual([inbox.items[0].status, inbox.unread, inbox.revision], ['read', 0, 2]);
  });

  it('applies a bulk mark up to its revision only', () => {
    for (const n of [1, 2, 3]) inbox.apply(push(n));
    const range = { from_revision: 3, up_to_revision: 2 };
    const data = { read_all: range, revision: 5, unread: 1, unseen: 1 };
    inbox.apply({ type: 'notification.update', data });
    assert.deepEqual(
      inbox.items.map((one) => one.status),
      ['unread', 'read', 'read'],
    );
    assert.deepEqual([inbox.unread, inbox.revision], [1, 5]);
  });

  it('changes nothing by a bulk mark that found nothing, or that it knows', () => {
    for (const n of [1, 2, 3]) inbox.apply(push(n));
    const data = { up_to_revision: 3, previous_revision: 3, revision: 3, unread: 3, unseen: 3 };
    for (const type of ['notification.read_all.ack', 'notification.seen_all.ack']) {
      assert.deepEqual(inbox.apply({ type, data }), {});
    }
    const known = inbox.items.map((one) => [one.status, one.seen_at]);
    assert.deepEqual(known, Array(3).fill(['unread', null]));
  });

  it('reports a gap before a bulk mark', () => {
    const range = { from_revision: 9, up_to_revision: 9 };
    const data = { read_all: range, revision: 12, unread: 0 };
    assert.deepEqual(inbox.apply({ type: 'notification.update', data }), { gap: true });
    assert.equal(inbox.revision, 0);
  });

  it('applies a mark before its acknowledgement, and the counts with it', () => {
    inbox.apply(push(1));
    assert.equal(inbox.applyMark('id-1', 'read'), true);
    assert.deepEqual([inbox.unread, inbox.unseen, inbox.items[0].read], [0, 0, true]);
    assert.equal(inbox.applyMark('id-1', 'read'), false, 'it changes nothing more');
    assert.equal(inbox.applyMark('unknown', 'read'), false);
  });

  it('restores the earlier status from the archive', () => {
    inbox.apply(push(1));
    inbox.applyMark('id-1', 'read');
    inbox.applyMark('id-1', 'archive');
    assert.equal(inbox.archived.length, 1);
    inbox.applyMark('id-1', 'unarchive');
    assert.equal(inbox.items[0].status, 'read');
  });

  it('takes over the counts when it is behind, and waits for the changes', () => {
    const data = { revision: 9, unread: 7, unseen: 6 };
    const { revision } = inbox;
    assert.deepEqual(inbox.apply({ type: 'notifications.behind', data }), {});
    assert.deepEqual([inbox.revision, inbox.unread, inbox.unseen], [revision, 7, 6]);
  });

  it('takes over a summary as a gap', () => {
    const data = { revision: 7, previous_revision: 0, count: 7, unread: 7, unseen: 7 };
    assert.deepEqual(inbox.apply({ type: 'notifications.summary', data }), { gap: true });
    assert.equal(inbox.unread, 7);
  });

  it('replaces a notification whose group has grown, as the newest', () => {
    for (const n of [1, 2]) inbox.apply(push(n, { count: 1 }));
    const more = { count: 2, stream_id: '1700000000000-3', revision: 3, previous_revision: 2 };
    const effect = inbox.apply(push(1, more));
    assert.equal(effect.fresh.count, 2);
    assert.deepEqual(ids(inbox.items), ['id-1', 'id-2']);
    assert.deepEqual(inbox.apply(push(1, more)), {}, 'a repeated push is not new');
  });

  it('hides a snoozed notification until it is pushed again, as the newest', () => {
    for (const n of [1, 2]) inbox.apply(push(n));
    assert.equal(inbox.applyMark('id-1', 'snooze'), true);
    assert.deepEqual([ids(inbox.items), inbox.unread], [['id-2'], 1]);
    const ack = { notification_id: 'id-1', status: 'snoozed', revision: 3, previous_revision: 2 };
    inbox.apply({ type: 'notification.snooze.ack', data: { ...ack, unread: 1, unseen: 1 } });
    const effect = inbox.apply(push(1, { revision: 4, previous_revision: 3, unread: 2 }));
    assert.equal(effect.fresh.notification_id, 'id-1');
    assert.deepEqual([ids(inbox.items), inbox.unread], [['id-1', 'id-2'], 2]);
  });

  it('gives the order of notifications that became the newest again to another tab', () => {
    for (const n of [1, 2]) inbox.apply(push(n));
    inbox.applyMark('id-1', 'snooze');
    inbox.apply(push(1, { revision: 3, previous_revision: 2 }));
    const other = new Inbox();
    other.adopt(inbox.snapshot);
    assert.deepEqual(ids(other.items), ['id-1', 'id-2']);
  });

  it('keeps the order of a catch-up with notifications that were seen later', () => {
    const seen_at = '2026-01-01T00:00:00Z';
    inbox.apply(push(2, { previous_revision: 0 }));
    inbox.apply(push(1, { revision: 3, previous_revision: 2, seen_at }));
    assert.deepEqual(ids(inbox.items), ['id-2', 'id-1']);
  });

  it('ends a snooze before its acknowledgement', () => {
    inbox.apply(push(1));
    assert.equal(inbox.applyMark('id-1', 'unsnooze'), false, 'it is not snoozed');
    inbox.applyMark('id-1', 'snooze');
    assert.equal(inbox.applyMark('id-1', 'unsnooze'), true);
    assert.deepEqual([ids(inbox.items), inbox.unread], [['id-1'], 1]);
  });

  it('gives a snooze another end', () => {
    inbox.apply(push(1));
    const [first, second] = ['2030-01-01T09:00:00.000Z', '2030-01-02T09:00:00.000Z'];
    assert.equal(inbox.applyMark('id-1', 'snooze', first), true);
    assert.equal(inbox.applyMark('id-1', 'snooze', first), false, 'it changes nothing');
    assert.equal(inbox.applyMark('id-1', 'snooze', second), true);
    const [snoozed] = inbox.matching({ tab: 'snoozed' });
    assert.deepEqual([snoozed.snoozed_until, inbox.unread], [second, 0]);
  });

  it('starts over after a restore of the hub', () => {
    inbox.apply(push(1));
    inbox.apply(connected(0, 0, 'e2'));
    assert.deepEqual([inbox.items.length, inbox.position], [0, 'e2.0']);
  });

  it('keeps its notifications when it resumes', () => {
    inbox.apply(push(1));
    inbox.apply(connected(4, 4));
    assert.deepEqual([inbox.items.length, inbox.revision, inbox.unread], [1, 1, 4]);
  });

  it('adopts the state of another tab unless it is older', () => {
    const other = new Inbox();
    other.apply(connected(0));
    other.apply(push(1));
    inbox.adopt(other.snapshot);
    assert.deepEqual([inbox.revision, inbox.items.length], [1, 1]);
    inbox.apply(push(2));
    inbox.adopt(other.snapshot);
    assert.equal(inbox.revision, 2);
  });

  it('starts over when another tab does not know the changes since its own state', () => {
    inbox.apply(push(1));
    const [fresh, whole] = [new Inbox(), new Inbox()];
    // That tab has begun at revision 5, and does not know that id-1 was read before.
    fresh.apply(connected(5));
    fresh.apply(push(6));
    inbox.adopt(fresh.snapshot);
    assert.deepEqual([ids(inbox.items), inbox.revision, inbox.generation], [['id-6'], 6, 1]);
    // Later tabs know what this one knows.
    whole.apply(connected(5));
    whole.adopt(inbox.snapshot);
    assert.deepEqual([ids(whole.items), whole.generation], [['id-6'], 0]);
    const behind = new Inbox();
    behind.apply(connected(4));
    behind.adopt(whole.snapshot);
    assert.equal(behind.generation, 1);
  });

  it('keeps a page that came before another tab tells its state, if that knows the rest', () => {
    const other = new Inbox();
    other.apply(connected(2));
    other.apply(push(3));
    const early = new Inbox();
    early.putPage([item(2)], false, { epoch: 'e1', revision: 2 });
    early.adopt(other.snapshot);
    assert.deepEqual([ids(early.items), early.generation], [['id-3', 'id-2'], 0]);
    const late = new Inbox();
    late.putPage([item(1)], false, { epoch: 'e1', revision: 1 });
    late.adopt(other.snapshot);
    assert.deepEqual([ids(late.items), late.generation], [['id-3'], 1]);
  });

  it('counts how often it has started over', () => {
    assert.equal(inbox.generation, 0, 'the first connection is none');
    inbox.apply(push(1));
    inbox.apply(connected(2));
    assert.equal(inbox.generation, 0, 'it has resumed');
    inbox.apply({ type: 'reset', data: { epoch: 'e2', revision: 1, unread: 0 } });
    inbox.apply({ type: 'polled', data: { epoch: 'e3', revision: 1, unread: 0, items: [] } });
    assert.deepEqual([inbox.generation, inbox.position], [2, 'e3.1']);
    inbox.forget();
    assert.deepEqual([inbox.generation, inbox.position, inbox.items], [3, null, []]);
  });

  it('searches in any case, also of letters that are not ASCII', () => {
    inbox.apply(push(1, { title: 'Straße', message: 'ОДИН οδος' }));
    for (const q of ['STRASSE', 'straße', 'один', 'ΟΔΟΣ'])
      assert.deepEqual(ids(inbox.matching({ tab: 'all', q })), ['id-1'], q);
    assert.deepEqual(ids(inbox.matching({ tab: 'all', q: 'два' })), []);
  });

  it('keeps what a filter has loaded out of the list, which has no gaps', () => {
    inbox.apply(push(9));
    inbox.put(item(2, { title: 'Old', message: 'Needle', category: 'Refunds' }), true);
    assert.deepEqual(ids(inbox.items), ['id-9']);
    assert.deepEqual(ids(inbox.matching({ tab: 'all', q: 'nEEdle' })), ['id-2']);
    assert.deepEqual(ids(inbox.matching({ tab: 'all', category: 'Refunds' })), ['id-2']);
    assert.deepEqual(ids(inbox.matching({ tab: 'unread' })), ['id-9', 'id-2']);
    assert.deepEqual(ids(inbox.snapshot.items), ['id-9']);
    // A mark keeps it out; the page of the list that has it puts it in.
    inbox.applyMark('id-2', 'read');
    assert.deepEqual(ids(inbox.items), ['id-9']);
    inbox.put(item(2), false);
    assert.deepEqual(ids(inbox.items), ['id-9', 'id-2']);
  });

  it('records the action of a click, and the end of a snooze', () => {
    inbox.apply(push(1, { message: '', title: '' }));
    inbox.setAction('id-1', 1);
    assert.equal(inbox.items[0].clicked_action, 1);
    inbox.applyMark('id-1', 'snooze', '2030-01-01T00:00:00Z');
    const [snoozed] = inbox.matching({ tab: 'snoozed' });
    assert.deepEqual([snoozed.snoozed_until, snoozed.clicked_action], ['2030-01-01T00:00:00Z', 1]);
    assert.deepEqual(inbox.items, []);
  });

  it('keeps a page that came before the first connection', () => {
    const early = new Inbox();
    early.putPage([item(2), item(1)], false, { epoch: 'e1', revision: 2 });
    assert.equal(early.position, null);
    assert.deepEqual(early.apply(connected(2)), {});
    assert.deepEqual([ids(early.items), early.position], [['id-2', 'id-1'], 'e1.2']);
    const late = new Inbox();
    late.putPage([item(1)], false, { epoch: 'e1', revision: 1 });
    assert.deepEqual(late.apply(connected(3)), { gap: true }, 'changes since the page are missing');
    assert.deepEqual([ids(late.items), late.position], [['id-1'], 'e1.1']);
    const other = new Inbox();
    other.putPage([item(1)], false, { epoch: 'e0', revision: 1 });
    assert.deepEqual(other.apply(connected(3)), {});
    assert.deepEqual(other.items, [], 'another epoch begins anew');
  });

  it('keeps a mark that a page of the list does not know of yet', () => {
    inbox.apply(push(1));
    inbox.applyMark('id-1', 'archive');
    inbox.putPage([item(1)], false);
    assert.deepEqual(ids(inbox.archived), ['id-1']);
    inbox.putPage([{ ...item(1), revision: 2 }], false);
    assert.deepEqual(ids(inbox.items), ['id-1'], 'a later state counts');
  });
});
