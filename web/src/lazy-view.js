import { button, element } from './icons.js';

/** @import { Words } from './messages.js' */

/** @typedef {typeof import('./lonceng-inbox.js')} InboxModule */

/**
 * Part of an element that the second module shows.
 *
 * @typedef {object} LazyPart
 * @property {HTMLElement} root
 * @property {(words: Words, language: string) => void} setLanguage
 * @property {() => void} render
 * @property {() => void} forget  Clears the part for another inbox.
 */

/** Delay before the module is loaded ahead of its use, where the browser reports no idle time. */
const IDLE_DELAY = 300;

/** Maximum delay before the module is loaded ahead of its use, in milliseconds. */
const IDLE_MAX = 2_000;

/** @type {Promise<InboxModule> | null} */
let loading = null;
let failures = 0;
let planned = false;

/**
 * Loads the module with the list and the settings. After a failure the next call tries again.
 * @returns {Promise<InboxModule>}
 */
export function loadInbox() {
  if (!loading) {
    // Browsers remember that a URL has failed.
    const again = new URL(`lonceng-inbox.js?${failures}`, import.meta.url).href;
    loading = failures ? import(again) : import('./lonceng-inbox.js');
    loading.catch(() => {
      loading = null;
      failures += 1;
    });
  }
  return /** @type {Promise<InboxModule>} */ (loading);
}

/** Loads the module when the browser is idle, so that a click opens the list at once. */
export function loadInboxWhenIdle() {
  if (planned) return;
  planned = true;
  const load = () => void loadInbox().catch(() => {});
  if ('requestIdleCallback' in globalThis) requestIdleCallback(load, { timeout: IDLE_MAX });
  else setTimeout(load, IDLE_DELAY);
}

/**
 * Interface from a lazy view to its element.
 *
 * @template {LazyPart} T
 * @typedef {object} LazyHost
 * @property {(module: InboxModule) => T} make
 * @property {ShadowRoot} shadow
 * @property {(text: string) => void} announce
 * @property {(part: T) => void} ready  Called when the part is in the page.
 */

/**
 * Container of a part of the second module: shows that it is loading, or that it could not be
 * loaded, with a button that tries again.
 * @template {LazyPart} T
 */
export class LazyView {
  root = element('div', 'lazy');
  /** @type {T | null} */
  part = null;
  /** @type {LazyHost<T>} */
  #host;
  #busy = false;
  /** @type {Words} */
  #words;
  #language = 'en';

  /**
   * @param {Words} words
   * @param {LazyHost<T>} of
   */
  constructor(words, of) {
    this.#words = words;
    this.#host = of;
  }

  /** Shows the part, as soon as its module is there. */
  async load() {
    if (this.part || this.#busy) return;
    this.#busy = true;
    this.#say(this.#words.loading);
    try {
      const module = await loadInbox();
      const { shadow } = this.#host;
      shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, module.inboxStyles()];
      this.part = this.#host.make(module);
      this.part.setLanguage(this.#words, this.#language);
      this.root.replaceChildren(this.part.root);
      this.#host.ready(this.part);
    } catch (error) {
      console.warn('Lonceng: lonceng-inbox.js could not be loaded', error);
      this.#say(
        this.#words.panelFailed,
        button('quiet', this.#words.retry, () => void this.load()),
      );
      this.#host.announce(this.#words.panelFailed);
    }
    this.#busy = false;
  }

  /**
   * @param {Words} words
   * @param {string} language
   */
  setLanguage(words, language) {
    this.#words = words;
    this.#language = language;
    this.part?.setLanguage(words, language);
  }

  /**
   * @param {string} text
   * @param {HTMLElement[]} more
   */
  #say(text, ...more) {
    const banner = element('div', 'banner', text);
    banner.append(...more);
    this.root.replaceChildren(banner);
  }
}
