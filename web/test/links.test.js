import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { installBrowser } from './browser.js';

installBrowser();
// `https:host` names a host only on a page with another scheme.
globalThis.location = { origin: 'http://page.example', href: 'http://page.example/' };
const { safeUrl } = await import('../src/links.js');

describe('safeUrl', () => {
  for (const url of ['/a', 'b?c', 'https://x.example/y', 'http://x.example'])
    it(`follows ${url}`, () => assert.equal(safeUrl(url), url));

  for (const url of [
    '/\\evil.example/x',
    '//evil.example',
    '\\\\evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,x',
    '',
    null,
  ])
    it(`does not follow ${JSON.stringify(url)}`, () => assert.equal(safeUrl(url), null));
});
