import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { installBrowser } from './browser.js';
import { installDom } from './dom.js';

installBrowser();
const { words } = await import('../src/messages.js');
const { Toasts } = await import('../src/toasts.js');

describe('toasts', () => {
  let box, clicks, toasts;
  const notification = (more) => ({
    notification_id: 'id-1',
    title: 'Title',
    message: 'Message',
    priority: 'MEDIUM',
    action_url: '/refunds/7',
    ...more,
  });
  const show = (more) => {
    toasts.show(notification(more));
    return box.querySelector('.toast');
  };
  beforeEach(() => {
    installBrowser();
    installDom().append((box = document.createElement('div')));
    mock.timers.enable({ apis: ['setTimeout'] });
    clicks = [];
    toasts = new Toasts(box, words('en'), {
      click: (item, leaving, choice) => clicks.push({ leaving, url: choice.url }),
      open: () => {},
    });
  });
  afterEach(() => mock.timers.reset());

  it('report a press of the left and of the middle button, and not of the right one', () => {
    const rich = 'See [it](/orders/7)';
    for (const [button, type] of [
      [0, 'click'],
      [1, 'auxclick'],
      [2, 'auxclick'],
    ]) {
      clicks = [];
      const toast = show({ rich });
      toast.querySelector('.title').fire(type, { button });
      toast.querySelector('.link').fire(type, { button });
      const leaving = button === 0;
      const expected = ['/refunds/7', '/orders/7'].map((url) => ({ leaving, url }));
      assert.deepEqual(clicks, button < 2 ? expected : [], `${type} ${button}`);
      assert.equal(toast.classList.contains('leaving'), button < 2);
      toasts.clear();
    }
  });

  it('name no link that is not safe to follow', () => {
    show({ action_url: 'javascript:alert(1)' }).click();
    assert.deepEqual(clicks, [{ leaving: false, url: null }]);
  });
});
