import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { installBrowser, settle } from './browser.js';
import { installDom } from './dom.js';

installBrowser();
installDom();
const { LoncengBell } = await import('../src/bell.js');

describe('a bell', () => {
  let body, bell;
  beforeEach(() => {
    installBrowser();
    body = installDom();
    bell = new LoncengBell();
    bell.localName = 'lonceng-bell';
  });
  afterEach(() => {
    bell.remove();
    bell.disconnectedCallback();
  });
  const connect = async () => {
    body.append(bell);
    bell.connectedCallback();
    await settle();
  };

  it('takes the language of the page if its own is not one', async () => {
    body.setAttribute('lang', 'id_ID');
    body.lang = 'id_ID';
    bell.lang = 'undefined';
    await connect();
    assert.equal(bell.language, 'id-ID');
    assert.equal(bell.words.title, 'Notifikasi');
  });
});
