import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { PendingMarks } from '../src/pending-marks.js';

const mark = (type, id) => ({ type: `notification.${type}`, notification_id: id });
const all = (how) => ({ type: `notification.${how}_all`, up_to_revision: 7 });

describe('PendingMarks', () => {
  it('keeps a mark until it is acknowledged', () => {
    const pending = new PendingMarks();
    pending.add(mark('read', 'a'));
    pending.acknowledge({ type: 'notification.read.ack', data: { notification_id: 'b' } });
    assert.equal(pending.all.length, 1);
    pending.acknowledge({ type: 'notification.read.ack', data: { notification_id: 'a' } });
    assert.equal(pending.all.length, 0);
  });

  it('keeps the last of equal marks, behind the others', () => {
    const pending = new PendingMarks();
    for (const id of ['a', 'b', 'a']) pending.add(mark('read', id));
    assert.deepEqual(
      pending.all.map((message) => message.notification_id),
      ['b', 'a'],
    );
  });

  it('drops “seen” of all when all are read', () => {
    const pending = new PendingMarks();
    pending.add(all('seen'));
    pending.add(all('read'));
    assert.deepEqual(pending.all, [all('read')]);
  });

  it('removes the oldest mark in flight when the hub does not know its notification', () => {
    const pending = new PendingMarks();
    for (const id of ['a', 'b']) {
      pending.add(mark('read', id));
      pending.sent(mark('read', id));
    }
    assert.equal(pending.refuseOldest(), 'notification.read a');
    assert.deepEqual(pending.all, [mark('read', 'b')]);
  });

  it('keeps the marks of a lost connection', () => {
    const pending = new PendingMarks();
    pending.add(mark('archive', 'a'));
    pending.sent(mark('archive', 'a'));
    pending.connectionLost();
    assert.equal(pending.refuseOldest(), undefined);
    assert.equal(pending.all.length, 1);
  });

  it('turns a snooze that ended before it was sent into a mark as unread, in its place', () => {
    const pending = new PendingMarks();
    const until = (ms) => new Date(Date.now() + ms).toISOString();
    pending.add({ ...mark('snooze', 'a'), until: until(-1_000) });
    pending.add({ ...mark('snooze', 'b'), until: until(60_000) });
    pending.add(mark('archive', 'a'));
    assert.deepEqual(
      pending.all.map(({ type, notification_id }) => `${type} ${notification_id}`),
      ['notification.unread a', 'notification.snooze b', 'notification.archive a'],
    );
  });
});
