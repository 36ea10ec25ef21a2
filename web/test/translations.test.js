import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { installBrowser } from './browser.js';

installBrowser();
Object.assign(globalThis, { localStorage: { getItem: () => 'id' } });
const { LANGUAGES: BELL } = await import('../src/messages.js');
const { LANGUAGES, isTranslated, language, t } = await import('../admin/translations.js');
const {
  DELIVERY,
  EVENT,
  FIELD,
  PROBLEM,
  TOKEN,
  deliveryReason,
  eventReason,
  problemText,
  reasonText,
} = await import('../admin/hub-text.js');

/** Strings in the source of the console. */
const STRING = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g;

/** Texts that are passed to `t`. */
const TRANSLATED = /\bt\(\s*'((?:[^'\\]|\\.)*)'/g;

const folder = new URL('../admin/', import.meta.url);
const names = (await readdir(folder)).filter(
  (name) => name.endsWith('.js') && !/^(translations|indonesian)/.test(name),
);
const sources = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')));
// Apostrophes in comments are no quotes.
const source = sources.join('\n').replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
const all = (pattern) =>
  [...source.matchAll(pattern)].map((match) => (match[1] ?? match[2]).replace("\\'", "'"));

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

describe('sentences of the hub', () => {
  const rust = new URL('../../src/domain/message_code.rs', import.meta.url);

  /** Returns the codes and the sentences of a list in the source of the hub. */
  const listed = async (name) => {
    const text = await readFile(rust, 'utf8');
    const [list] = text.split(`const ${name}: Sentences = &[`)[1].split('\n];');
    const entry = /"(\w+)",\s+"((?:[^"\\]|\\.)*)"/g;
    return [...list.matchAll(entry)].map(([, code, said]) => [code, said.replaceAll('\\"', '"')]);
  };

  for (const [name, sentences] of Object.entries({ DELIVERY, EVENT, FIELD, PROBLEM })) {
    it(`has every sentence of the hub: ${name}`, async () => {
      const all = await listed(name);
      assert.ok(all.length > 8, String(all.length));
      // An event names the field in its sentence; an import does not.
      const known = all.filter(([, said]) => said !== 'users.upserted needs user_id');
      const own = Object.entries(sentences).flatMap(([code, said]) =>
        [said].flat().map((one) => [code, one]),
      );
      assert.deepEqual(own.sort(), known.sort());
    });

    it(`translates every sentence: ${name}`, () => {
      for (const said of Object.values(sentences).flat()) assert.ok(isTranslated(said), said);
    });
  }

  it('has every reason for which a token is refused', async () => {
    const text = await readFile(new URL('../../src/auth/token.rs', import.meta.url), 'utf8');
    const [list] = text.split('pub enum TokenError {')[1].split('\n}\n');
    const said = [...list.matchAll(/#\[error\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, one]) =>
      one.replaceAll('\\"', '"').replace(/\{\d?\}/, '{}'),
    );
    assert.deepEqual(said.sort(), TOKEN.map((one) => one.replace(/\{\w+\}/, '{}')).sort());
    for (const one of TOKEN) assert.ok(isTranslated(one), one);
  });

  it('translates sentences without a code, and sentences in sentences', () => {
    const needs = 'the template needs title, which the event does not have';
    const translated = 'templat memerlukan title, yang tidak ada dalam peristiwa';
    assert.equal(reasonText(needs), translated);
    assert.equal(reasonText(`${needs} (message, locale id)`), `${translated} (message, locale id)`);
    assert.equal(reasonText('user_id: is missing'), 'user_id: tidak diisi');
    assert.equal(reasonText('anything else'), 'anything else');
    const message = { code: 'template_failed', params: { cause: needs } };
    assert.equal(
      eventReason(`the template failed: ${needs}`, 'template', null, message),
      `templat gagal: ${translated}`,
    );
    const refused = {
      detail: 'the token is not accepted: it expired at 2026-01-01T00:00:00Z',
      code: 'token_refused',
      params: { why: 'it expired at 2026-01-01T00:00:00Z' },
    };
    assert.equal(
      problemText(refused),
      'token tidak diterima: kedaluwarsa pada 2026-01-01T00:00:00Z',
    );
  });

  it('translates by the code, and keeps the sentence without one', () => {
    const channel = (name) => name.toUpperCase();
    const off = { reason: 'the person has switched email off', reason_code: 'channel_off' };
    assert.equal(
      deliveryReason({ ...off, reason_params: { channel: 'email' } }, channel),
      'pengguna mematikan EMAIL',
    );
    assert.equal(deliveryReason({ reason: '550 no' }, channel), '550 no');
    assert.equal(deliveryReason({ reason: null }, channel), null);
    assert.equal(
      eventReason('no type A; did you mean B?', 'no_type', { type: 'A', suggestion: 'B' }),
      'tidak ada jenis A; mungkin maksudnya B?',
    );
    assert.equal(eventReason('x is odd', 'missing_field'), 'ada isian yang tidak diisi: x is odd');
    const params = { type: 'A', target: 'SELF', field: 'user_id' };
    assert.equal(
      eventReason('said', 'missing_field', null, { code: 'needs_field', params }),
      'jenis A bertujuan SELF, yang memerlukan user_id',
    );
    assert.equal(
      eventReason('said', 'invalid_field', null, { code: 'empty', params: { field: 'topic' } }),
      'topic: tidak boleh kosong',
    );
    assert.equal(eventReason('new', 'of_another_version'), 'new');
  });

  it('translates errors of requests and of their fields', () => {
    const long = {
      detail: 'login: has 300 characters; at most 256 are possible',
      errors: [
        {
          field: 'login',
          detail: 'has 300 characters; at most 256 are possible',
          code: 'too_long',
          params: { length: 300, max: 256 },
        },
      ],
    };
    assert.equal(problemText(long), 'Nama masuk: memuat 300 karakter; paling banyak 256');
    assert.equal(
      problemText({ detail: 'the API key is not known', code: 'unknown_key', params: {} }),
      'kunci API tidak dikenal',
    );
    assert.equal(problemText({ detail: 'anything else' }), 'anything else');
  });

  it('writes numbers in the format of the language', () => {
    assert.equal(t('{n} recipients.', { n: 10_000 }), '10.000 penerima.');
  });
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
