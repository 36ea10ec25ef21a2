import { h } from './dom.js';
import { theme } from './settings.js';
import { t } from './translations.js';

/** Members of a rendered notification that the bell shows. */
const MEMBERS = ['title', 'message', 'action_url', 'category', 'actions', 'rich'];

/** Frame with the real bell, which shows one notification. */
export class BellFrame {
  element = h('div', { class: 'bell-frame' });
  #frame = h('iframe', { src: '/admin/preview.html', title: t('Preview in the bell') });
  #mode = 'list';
  #isReady = false;
  /** @type {any} */
  #shown = { notification: null, language: 'en' };

  constructor() {
    // The bell takes the focus when it opens; nobody but the reader may move it here.
    this.#frame.inert = true;
    const modes = [
      ['list', t('In the list')],
      ['toast', t('As a toast')],
    ];
    const buttons = modes.map(([mode, text]) =>
      h('button', { type: 'button', onclick: () => choose(mode) }, text),
    );
    const choose = (/** @type {string} */ mode) => {
      this.#mode = mode;
      modes.forEach(([one], index) =>
        buttons[index].setAttribute('aria-pressed', String(one === mode)),
      );
      this.#send();
    };
    choose('list');
    const bar = h('div', { class: 'segments', role: 'group', 'aria-label': t('Preview') });
    bar.append(...buttons);
    this.element.append(bar, this.#frame);
    addEventListener('message', this.#onMessage);
    addEventListener('lonceng:theme', this.#send);
  }

  /** Removes the listeners. */
  end() {
    removeEventListener('message', this.#onMessage);
    removeEventListener('lonceng:theme', this.#send);
  }

  /**
   * Shows a notification.
   * @param {any} rendered  Null if it cannot be rendered.
   * @param {{ code: string, priority: string, language: string }} type
   */
  show(rendered, { code, priority, language }) {
    const members = MEMBERS.filter((name) => rendered?.[name] !== undefined);
    const notification = rendered && {
      ...Object.fromEntries(members.map((name) => [name, rendered[name]])),
      icon: ownIcon(rendered.icon),
      type_code: code,
      priority,
    };
    this.#shown = { notification, language };
    this.#send();
  }

  #send = () => {
    if (!this.#isReady) return;
    const data = { ...this.#shown, mode: this.#mode, theme: theme() };
    this.#frame.contentWindow?.postMessage(data, location.origin);
  };

  /** @param {MessageEvent} event */
  #onMessage = (event) => {
    if (event.source !== this.#frame.contentWindow || event.data !== 'ready') return;
    this.#isReady = true;
    this.#send();
  };
}

/**
 * Returns the address of an icon if it is on this host: the console loads nothing from others.
 * @param {string | null | undefined} address
 */
function ownIcon(address) {
  if (!address) return null;
  const url = URL.canParse(address, location.origin) ? new URL(address, location.origin) : null;
  return url?.origin === location.origin ? address : null;
}
