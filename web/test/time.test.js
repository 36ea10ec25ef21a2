import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ago, day, snoozeEnds } from '../src/time.js';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const before = (seconds) => new Date(NOW - seconds * 1000).toISOString();
const words = { today: 'Today', yesterday: 'Yesterday' };

describe('ago', () => {
  for (const [seconds, expected] of [
    [0, 'now'],
    [59, '59 seconds ago'],
    [60, '1 minute ago'],
    [3_599, '1 hour ago'],
    [7_200, '2 hours ago'],
    [86_400, 'yesterday'],
    [6 * 86_400, '6 days ago'],
  ])
    it(`says “${expected}” after ${seconds} seconds`, () => {
      assert.equal(ago(before(seconds), 'en', NOW), expected);
    });

  it('says the date after a week', () => {
    assert.match(ago(before(8 * 86_400), 'en', NOW), /Mar 2, 2026/);
  });

  it('never says that something is in the future', () => {
    assert.equal(ago(before(-30), 'en', NOW), 'now');
  });

  it('speaks the language of the reader', () => {
    assert.equal(ago(before(120), 'id', NOW), '2 menit yang lalu');
  });

  it('says nothing for an invalid time', () => {
    assert.equal(ago('soon', 'en', NOW), '');
  });
});

describe('day', () => {
  const local = (text) => new Date(text).toISOString();
  const now = new Date('2026-03-30T00:30:00').getTime();

  it('says today and yesterday by the local calendar', () => {
    assert.equal(day(local('2026-03-30T00:05:00'), 'en', now, words), 'Today');
    assert.equal(day(local('2026-03-29T23:55:00'), 'en', now, words), 'Yesterday');
    assert.match(day(local('2026-03-28T12:00:00'), 'en', now, words), /Mar 28, 2026/);
  });
});

describe('snoozeEnds', () => {
  for (const [now, tomorrow, week] of [
    ['2026-03-11T22:15:00', '2026-03-12T09:00:00', '2026-03-16T09:00:00'],
    // Monday, and the last day of a month.
    ['2026-08-31T00:05:00', '2026-09-01T09:00:00', '2026-09-07T09:00:00'],
    ['2026-03-29T12:00:00', '2026-03-30T09:00:00', '2026-03-30T09:00:00'],
  ])
    it(`offers an hour, tomorrow and next Monday at 9 on ${now}`, () => {
      const at = new Date(now).getTime();
      const ends = snoozeEnds(at);
      assert.equal(ends.hour.getTime(), at + 3_600_000);
      assert.deepEqual(
        [ends.tomorrow, ends.week].map(Number),
        [tomorrow, week].map((text) => new Date(text).getTime()),
      );
    });
});
