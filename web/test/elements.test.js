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

  it('stays open while Tab moves to and from controls of the page within it', async () => {
    await connect();
    const panel = bell.shadowRoot.querySelector('.panel');
    const own = document.createElement('button');
    bell.append(own);
    const leave = (target, relatedTarget) => {
      bell.open();
      target.fire('keydown', { key: 'Tab' });
      target.fire('focusout', { relatedTarget });
      return panel.hidden;
    };
    assert.equal(leave(panel, own), false, 'to the control');
    // The focus in the shadow root is that of the bell for the page.
    assert.equal(leave(own, bell), false, 'from the control');
    assert.equal(leave(own, document.createElement('button')), true, 'out of the bell');
    assert.equal(leave(panel, null), true, 'out of the page');
  });

  it('gives pages no link to follow that is not safe', async () => {
    await connect();
    const seen = [];
    bell.addEventListener('lonceng:action', (event) => seen.push(event.url));
    for (const action_url of ['/refunds/7', 'javascript:alert(1)', '//elsewhere.example', null])
      bell.reportClick({ notification_id: 'id-1', action_url }, false);
    assert.deepEqual(seen, ['/refunds/7', null, null, null]);
  });

  it('takes the language of the page if its own is not one', async () => {
    body.setAttribute('lang', 'id_ID');
    body.lang = 'id_ID';
    bell.lang = 'undefined';
    await connect();
    assert.equal(bell.language, 'id-ID');
    assert.equal(bell.words.title, 'Notifikasi');
  });
});
