import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { threadsOf } from '../src/threads.js';

const note = (id, type = null, entity = null) => ({
  notification_id: id,
  entity_type: type,
  entity_id: entity,
});

const shape = (threads) =>
  threads.map(({ item, others }) => [
    item.notification_id,
    ...others.map((other) => other.notification_id),
  ]);

describe('threads', () => {
  it('collapses three and more about one entity under the newest', () => {
    const items = [
      note('a', 'refund', '1'),
      note('b'),
      note('c', 'refund', '1'),
      note('d', 'refund', '2'),
      note('e', 'refund', '1'),
    ];
    assert.deepEqual(shape(threadsOf(items)), [['a', 'c', 'e'], ['b'], ['d']]);
  });

  it('lists two about one entity as they are', () => {
    const items = [note('a', 'refund', '1'), note('b', 'refund', '1')];
    assert.deepEqual(shape(threadsOf(items)), [['a'], ['b']]);
  });

  it('needs both the type and the ID of the entity', () => {
    const items = [1, 2, 3].flatMap((n) => [note(`t${n}`, 'refund'), note(`i${n}`, null, '1')]);
    assert.equal(threadsOf(items).length, 6);
    const mixed = [note('a', 'x', 'y'), note('b', 'x,y', ''), note('c', 'y', 'x')];
    assert.equal(threadsOf(mixed).length, 3);
  });
});
