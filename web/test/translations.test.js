import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { installBrowser } from './browser.js';

installBrowser();
Object.assign(globalThis, { localStorage: { getItem: () => 'id' } });
const { LANGUAGES: BELL } = await import('../src/messages.js');
const { LANGUAGES, language, t } = await import('../admin/translations.js');

/** Strings in single quotes, in the source of the console. */
const STRING = /'((?:[^'\\\n]|\\.)*)'/g;

/** Texts that are passed to `t`. */
const TRANSLATED = /\bt\(\s*'((?:[^'\\]|\\.)*)'/g;

const folder = new URL('../admin/', import.meta.url);
const names = (await readdir(folder)).filter(
  (name) => name.endsWith('.js') && !/^(translations|indonesian)/.test(name),
);
const sources = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')));
// Apostrophes in comments are no quotes.
const source = sources.join('\n').replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
const all = (pattern) => [...source.matchAll(pattern)].map((match) => match[1].replace("\\'", "'"));

describe('translations of the console', () => {
  it('uses the chosen language, and replaces placeholders', () => {
    assert.equal(language, 'id');
    assert.equal(t('Older'), 'Older', 'a text without a translation is English');
    assert.match(t('{n} recipients.', { n: 7 }), /^7 /);
  });

  for (const [code, { texts }] of Object.entries(LANGUAGES)) {
    if (code === 'en') continue;

    it(`has every text in ${code}`, () => {
      const used = all(TRANSLATED);
      assert.ok(used.length > 120, String(used.length));
      assert.deepEqual(
        used.filter((text) => !(text in texts)),
        [],
      );
    });

    it(`has no unused text in ${code}`, () => {
      const quoted = new Set(all(STRING));
      // Words of the API.
      const fromApi = ['down', 'degraded'];
      assert.deepEqual(
        Object.keys(texts).filter((text) => !quoted.has(text) && !fromApi.includes(text)),
        [],
      );
    });

    it(`has the placeholders of every text in ${code}`, () => {
      const placeholders = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort().join();
      const differing = Object.entries(texts).filter(
        ([english, text]) => placeholders(english) !== placeholders(text),
      );
      assert.deepEqual(differing, []);
    });
  }
});

describe('translations of the bell', () => {
  /** Keys of texts, plural forms as one. */
  const keys = (texts) => [
    ...new Set(
      Object.keys(texts).map((key) => key.replace(/_(zero|one|two|few|many|other)$/, '_*')),
    ),
  ];

  for (const [code, texts] of Object.entries(BELL)) {
    it(`has every text in ${code}`, () => {
      assert.ok(keys(BELL.en).length > 40);
      assert.deepEqual(keys(texts).sort(), keys(BELL.en).sort());
    });

    it(`has every plural form in ${code}`, () => {
      const { pluralCategories } = new Intl.PluralRules(code).resolvedOptions();
      const counted = keys(texts).filter((key) => key.endsWith('_*'));
      assert.ok(counted.length > 0);
      const missing = counted.flatMap((key) =>
        pluralCategories
          .map((category) => key.replace('*', category))
          .filter((form) => !(form in texts)),
      );
      assert.deepEqual(missing, []);
    });
  }
});
