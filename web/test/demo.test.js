// The demo: complete translations, and tokens that the elements have.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { PRESETS, TOKENS, contrast, cssOf } from '../demo/tokens.js';
import { WORDS } from '../demo/words.js';

const demo = new URL('../demo/', import.meta.url);
const read = (name) => readFile(new URL(name, demo), 'utf8');
const placeholders = (text) => text.match(/\{\w+\}/g)?.toSorted() ?? [];

test('every text of the demo is translated, with its values', async () => {
  const known = Object.keys(WORDS.id);
  assert.deepEqual(Object.keys(WORDS.ar).toSorted(), known.toSorted());
  for (const words of Object.values(WORDS))
    for (const [text, translated] of Object.entries(words))
      assert.deepEqual(placeholders(translated), placeholders(text), text);
  const used = new Set();
  for (const name of await readdir(demo)) {
    const text = await read(name);
    if (name.endsWith('.html')) {
      for (const [, content] of text.matchAll(/ data-t>([^<]+)</g)) used.add(content);
      for (const [, label] of text.matchAll(/aria-label="([^"]+)" data-t-label/g)) used.add(label);
    }
    if (!name.endsWith('.js') || name === 'words.js') continue;
    for (const [, content] of text.matchAll(/say\(\s*[^']*?, '([A-Z][^']*)'/g)) used.add(content);
  }
  for (const { label } of TOKENS) used.add(label);
  for (const name of Object.keys(PRESETS)) used.add(name);
  assert.ok(used.size > 50);
  for (const text of used) assert.ok(text in WORDS.id, `not translated: ${text}`);
});

test('the theming page has the tokens that the elements have', async () => {
  const sources = new URL('../src/', import.meta.url);
  const used = new Set();
  for (const name of await readdir(sources)) {
    if (!name.endsWith('.css')) continue;
    const styles = await readFile(new URL(name, sources), 'utf8');
    for (const [token] of styles.matchAll(/--lonceng-[a-z-]+/g)) used.add(token);
  }
  assert.deepEqual(TOKENS.map(({ name }) => name).toSorted(), [...used].toSorted());
});

test('the presets are readable', () => {
  for (const [name, sets] of Object.entries(PRESETS))
    for (const set of Object.values(sets)) {
      if (!set['--lonceng-surface']) continue;
      for (const token of ['text', 'muted', 'accent'])
        assert.ok(
          contrast(set[`--lonceng-${token}`], set['--lonceng-surface']) >= 4.5,
          `${name}: ${token}`,
        );
    }
});

test('the CSS of tokens names each theme', () => {
  assert.equal(cssOf({ light: {}, dark: {} }), '');
  assert.equal(
    cssOf({ light: { '--lonceng-radius': '2px' }, dark: { '--lonceng-radius': '4px' } }),
    [
      ':root {',
      '  --lonceng-radius: 2px;',
      '}',
      '@media (prefers-color-scheme: dark) {',
      '  :root {',
      '    --lonceng-radius: 4px;',
      '  }',
      '}',
    ].join('\n'),
  );
});
