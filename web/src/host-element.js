import { acquire, adopt, release } from './shared-clients.js';
import { languageOf, words } from './messages.js';
import { safeUrl } from './links.js';
import { styles } from './styles.js';
import { Announcer } from './announcer.js';

/** @import { Client } from './client.js' */
/** @import { Notification } from './inbox.js' */
/** @import { Words } from './messages.js' */
/** @import { Options } from './options.js' */
/** @import { SharedClient } from './shared-clients.js' */

/** Attributes with the address of the hub and the identity. */
const IDENTITY_ATTRIBUTES = ['hub', 'token', 'auth', 'user-id', 'login', 'user-role'];

/** Attributes that all elements have. */
export const COMMON_ATTRIBUTES = [...IDENTITY_ATTRIBUTES, 'lang', 'theme'];

/**
 * Choice of a click: an action of a notification, or a link in its message.
 *
 * @typedef {object} Choice
 * @property {number} [action]  Index of the action.
 * @property {string | null} url
 */

/**
 * Element with an inbox: identity, language and theme. Elements of the same identity share one
 * connection. Fires `lonceng:status` when the connection changes, with `detail.status` and
 * `detail.reason`.
 */
export class HostElement extends HTMLElement {
  /** @type {SharedClient | null} */
  #shared = null;
  /** Live inbox of the page. @type {Client | null} */
  #given = null;
  /** @type {AbortController | null} */
  #listening = null;
  /** @type {Words | null} */
  #dictionary = null;
  /** @type {(() => Promise<string>) | undefined} */
  #getToken;
  /** Status and reason as last reported. */
  #reported = '';
  #connectSoon = false;
  #drawSoon = false;
  #dark = matchMedia('(prefers-color-scheme: dark)');
  /** @protected */
  announcer = new Announcer();
  /** @protected @type {Words} */
  words = words('en');
  /** @protected */
  language = 'en';

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles()];
    root.append(this.announcer.polite, this.announcer.urgent);
  }

  /**
   * Live inbox, for pages that need more than the element shows. A page that has one of its own
   * sets it, in place of the attributes of the identity, and closes it.
   * @returns {Client | null}
   */
  get client() {
    return this.#shared?.client ?? this.#given;
  }

  set client(client) {
    this.#given = client;
    if (this.isConnected) this.#connect();
  }

  /**
   * Function that returns a token for the user of the page. Called before the first connection,
   * before a token expires, and when one is refused.
   */
  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    if (this.isConnected) this.#connect();
  }

  /** Texts that replace the built-in ones, or add a language. */
  get dictionary() {
    return this.#dictionary;
  }

  set dictionary(own) {
    this.#dictionary = own;
    this.#applyLanguage();
  }

  connectedCallback() {
    this.adoptProperties('client', 'getToken', 'dictionary');
    this.#applyLanguage();
    this.#theme();
    this.#dark.addEventListener('change', this.#theme);
    this.#connect();
  }

  disconnectedCallback() {
    this.#dark.removeEventListener('change', this.#theme);
    this.#release();
    this.#reported = '';
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} after
   */
  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === 'lang') this.#applyLanguage();
    else if (name === 'theme') this.#theme();
    else if (IDENTITY_ATTRIBUTES.includes(name)) this.#connect();
    else this.applyAttributes();
  }

  /** Applies the attributes that only this element has. @protected */
  applyAttributes() {}

  /** Called when the texts have changed. @protected */
  applyWords() {}

  /**
   * Follows another live inbox.
   * @param {Client} client
   * @param {AbortSignal} signal  Aborted when the inbox is given back.
   * @protected
   */
  useClient(client, signal) {
    const changed = () => {
      this.#reportStatus();
      this.draw();
    };
    client.addEventListener('change', changed, { signal });
  }

  /** Renders what has changed. @protected */
  render() {}

  /**
   * Adopts properties that were set before the element was defined: they hide the accessors.
   * @param {string[]} names
   * @protected
   */
  adoptProperties(...names) {
    const own = /** @type {Record<string, any>} */ (/** @type {unknown} */ (this));
    for (const name of names) {
      if (!Object.hasOwn(this, name)) continue;
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
  }

  /** Renders once after a series of changes. @protected */
  draw() {
    if (this.#drawSoon) return;
    this.#drawSoon = true;
    const now = () => {
      if (!this.#drawSoon) return;
      this.#drawSoon = false;
      this.render();
    };
    requestAnimationFrame(now);
    // Hidden tabs get no animation frames, but their badge must be right.
    setTimeout(now, 100);
  }

  /**
   * Fires an event that bubbles out of shadow roots. Returns false if it was canceled.
   * @param {string} name
   * @param {unknown} detail
   * @param {object} [more]  Further properties of the event.
   * @protected
   */
  fire(name, detail, more = {}) {
    const event = new CustomEvent(name, {
      detail,
      bubbles: true,
      composed: true,
      cancelable: name !== 'lonceng:status',
    });
    return this.dispatchEvent(Object.assign(event, more));
  }

  /**
   * Reports a click, with `lonceng:action`. Returns false if the page cancels following the link.
   * @param {Notification} item
   * @param {boolean} leaving  True if following the link leaves the page.
   * @param {Choice} [choice]
   * @protected
   */
  reportClick(item, leaving, { action, url } = { url: safeUrl(item.action_url) }) {
    const follow = this.fire('lonceng:action', item, { action, url });
    this.client?.clicked(item.notification_id, leaving && follow, action);
    return follow;
  }

  /**
   * Returns another element with this name that uses the same live inbox.
   * @param {string} name
   * @returns {any}
   * @protected
   */
  peer(name) {
    return [.../** @type {Set<any>} */ (this.#shared?.users ?? [])].find(
      (other) => other !== this && other.localName === name,
    );
  }

  /** Connects once after a series of attribute changes. */
  #connect() {
    if (this.#connectSoon) return;
    this.#connectSoon = true;
    queueMicrotask(() => {
      this.#connectSoon = false;
      if (this.isConnected) this.#acquire();
    });
  }

  #acquire() {
    const of = (/** @type {string} */ name) => this.getAttribute(name) || undefined;
    /** @type {Options} */
    const options = {
      hub: of('hub'),
      token: of('token'),
      userId: of('user-id'),
      login: of('login'),
      role: of('user-role'),
      getToken: this.#getToken,
      auth: of('auth') === 'cookie' ? 'cookie' : undefined,
    };
    const before = this.#shared;
    const shared = this.#given ? adopt(this.#given, this) : acquire(options, this);
    if (shared === before) return;
    this.#release();
    this.#shared = shared;
    this.#listening = new AbortController();
    const { client } = shared;
    this.useClient(client, this.#listening.signal);
    this.#reportStatus();
    this.draw();
  }

  #release() {
    this.#listening?.abort();
    if (this.#shared) release(this.#shared, this);
    this.#shared = null;
  }

  /** Fires `lonceng:status` if the status or its reason has changed. */
  #reportStatus() {
    const { status, reason, signIn } = /** @type {Client} */ (this.client);
    const report = `${status} ${reason}`;
    if (report === this.#reported) return;
    this.#reported = report;
    if (status === 'unauthorized' && signIn.isMissing)
      console.warn(`Lonceng: <${this.localName}> has ${reason}`);
    this.fire('lonceng:status', { status, reason });
  }

  #applyLanguage() {
    const near = /** @type {HTMLElement | null} */ (this.parentElement?.closest('[lang]') ?? null);
    this.language = languageOf(this.lang, near?.lang, navigator.language);
    this.words = words(this.language, this.#dictionary);
    this.applyWords();
    this.draw();
  }

  #theme = () => {
    const wanted = this.getAttribute('theme');
    const dark = wanted === 'dark' || (wanted !== 'light' && this.#dark.matches);
    this.dataset.theme = dark ? 'dark' : 'light';
  };
}
