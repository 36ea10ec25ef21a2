import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { installBrowser } from './browser.js';

installBrowser();
const { parseMarkup } = await import('../src/rich.js');

const plain = (text) => [{ text, bold: false }];

describe('the markup of a message', () => {
  it('has bold text and links, also within each other', () => {
    assert.deepEqual(parseMarkup('**Budi** paid [the **big** bill](https://a.example/b?c=1).'), [
      { text: 'Budi', bold: true },
      { text: ' paid ', bold: false },
      { text: 'the ', bold: false, url: 'https://a.example/b?c=1' },
      { text: 'big', bold: true, url: 'https://a.example/b?c=1' },
      { text: ' bill', bold: false, url: 'https://a.example/b?c=1' },
      { text: '.', bold: false },
    ]);
    assert.deepEqual(parseMarkup('**see [it](/orders/7) now**'), [
      { text: 'see ', bold: true },
      { text: 'it', bold: true, url: '/orders/7' },
      { text: ' now', bold: true },
    ]);
    assert.equal(parseMarkup('[write](mailto:a@b.example)')[0].url, 'mailto:a@b.example');
  });

  it('escapes a character by a backslash', () => {
    assert.deepEqual(parseMarkup('\\*\\*no\\*\\* \\[a\\](b) \\\\'), plain('**no** [a](b) \\'));
    assert.equal(parseMarkup('[a](/b\\)c)')[0].url, '/b)c');
    assert.deepEqual(parseMarkup('ends with \\'), plain('ends with \\'));
  });

  it('leaves what is not complete as it is', () => {
    for (const text of ['**open', '****', 'a * b ** c', '[a]', '[a](', '[a] (b)', '[](/x)', '](x)'])
      assert.equal(
        parseMarkup(text)
          .map((piece) => piece.text)
          .join(''),
        text,
        text,
      );
  });

  it('makes no link of what is not safe to follow', () => {
    const urls = [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'java\nscript:alert',
      'data:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
      '//evil.example/x',
      '/\\\\evil.example',
      'mailto:<b>',
    ];
    for (const url of urls) {
      const pieces = parseMarkup(`[press](${url})`);
      assert.ok(
        pieces.every((piece) => piece.url === undefined),
        `${url}: ${JSON.stringify(pieces)}`,
      );
      assert.match(pieces.map((piece) => piece.text).join(''), /^\[press\]\(/);
    }
  });

  it('keeps HTML as text', () => {
    const text = '<img src=x onerror=alert(1)><b>x</b>&amp;';
    assert.deepEqual(parseMarkup(text), plain(text));
  });

  it('takes linear time for hostile texts', () => {
    const began = performance.now();
    for (const part of ['[', '**', '[a](', '[a](b', '**[', '\\', '](', '**a**', '[**a**]('])
      parseMarkup(part.repeat(5_000));
    assert.ok(performance.now() - began < 3_000, `${performance.now() - began} ms`);
  });
});
