import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { testData } from '../admin/test-data.js';

describe('test data of a template', () => {
  it('has a value for each field, by its name', () => {
    const template =
      '{who} paid {amount|currency("IDR")} for {order.id}{# {no} #} at {time|date("%d %b")}';
    assert.deepEqual(testData(template, '/orders/{order_id}', null), {
      who: 'Budi',
      amount: 100000,
      order: { id: '42' },
      time: '2026-01-31T09:30:00Z',
      order_id: '42',
    });
  });

  it('has the items of a loop, and the fields of conditions', () => {
    const template =
      '{% for item in items %}{item.name} {loop.index}{% endfor %}' +
      '{% if note is defined and kind == "x y" %}{note}{% endif %} {recipient.login} {n|plural("a","b")}';
    assert.deepEqual(testData(template), {
      items: [{ name: 'Budi' }],
      note: 'note',
      kind: 'kind',
      n: 3,
    });
  });
});
