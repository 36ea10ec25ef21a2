// The built package in Node, as a page that is rendered on a server imports it.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

const dist = new URL('../dist/', import.meta.url);

test('importing it in Node defines no element and does not fail', async () => {
  assert.equal(globalThis.HTMLElement, undefined);
  const client = await import('@lonceng/client');
  assert.equal(typeof client.connect, 'function');
  assert.equal(typeof client.LoncengBell, 'function');
  assert.equal(globalThis.customElements, undefined);
});

test('it exports what the declarations say', async () => {
  const client = await import('@lonceng/client');
  const declarations = await readFile(new URL('index.d.ts', dist), 'utf8');
  const [, names] = /^export \{ (.+) \};$/m.exec(declarations);
  assert.deepEqual(Object.keys(client).sort(), names.split(', ').sort());
});

test('bundlers can follow every import', async () => {
  for (const file of await readdir(dist)) {
    if (!file.endsWith('.js')) continue;
    const text = await readFile(new URL(file, dist), 'utf8');
    assert.doesNotMatch(text, /import\.meta/, file);
    // Only literal paths of files that are in the package.
    for (const [, argument] of text.matchAll(/\bimport\(([^)]*)\)/g)) {
      const [, path] = /^"\.\/(.+)"$/.exec(argument) ?? [];
      assert.ok(path, `${file}: import(${argument})`);
      await readFile(new URL(path, dist));
    }
  }
});
