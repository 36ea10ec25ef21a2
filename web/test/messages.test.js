import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { counted, languageOf, words } from '../src/messages.js';
import { ago, clock } from '../src/time.js';

describe('the language of an element', () => {
  it('is the first one that the formatters accept', () => {
    for (const [wanted, expected] of [
      [['id', 'en'], 'id'],
      [['', undefined, 'id-ID'], 'id-ID'],
      [['en_US'], 'en-US'],
      [['id_ID.UTF-8', 'pt_br'], 'pt-BR'],
      [['undefined', 'c', 'null'], 'en'],
      [[], 'en'],
    ])
      assert.equal(languageOf(...wanted), expected, wanted.join());
  });

  it('formats texts, numbers and times, however the page writes it', () => {
    const now = Date.parse('2026-01-02T00:00:00Z');
    for (const lang of ['id_ID', 'id-ID@latin']) {
      const language = languageOf(lang, 'id');
      const texts = words(language);
      assert.equal(counted(texts, 'more', 1_000), '1.000 notifikasi lagi');
      assert.equal(ago('2026-01-01T00:00:00Z', language, now), 'kemarin');
      assert.match(clock(new Date(now), language), /\d/);
    }
  });
});
