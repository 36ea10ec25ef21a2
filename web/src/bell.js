import { Client } from './client.js';
import { shareName } from './options.js';
import { counted, filled, words } from './messages.js';
import { styles } from './styles.js';
import { element, icon } from './icons.js';
import { Toasts } from './toasts.js';
import { Panel } from './panel.js';
import { chime, here, showOnDesktop } from './settings.js';

/** @typedef {import('./inbox.js').Notification} Notification */

/** What is announced to a screen reader stays this long before the next, so that both are heard. */
const ANNOUNCE_GAP = 700;

/** Attributes that say where to connect, and as whom. */
const WHO = ['hub', 'token', 'auth', 'user-id', 'login', 'user-role'];

/** Toasts at once, where the page says nothing. */
const TOASTS = 3;

/** A page that has not said who the user is after so many milliseconds is told so in the console. */
const WARN_AFTER = 1_000;

/**
 * The bell: `<lonceng-bell token="…">`.
 *
 * Fires `lonceng:notification` for each new notification and `lonceng:action` when one is clicked, before its link is followed;
 * both can be cancelled by pages that show or navigate by themselves, and have the notification as `detail`. Fires
 * `lonceng:status` when the connection is another than before, with `detail.status` and `detail.reason`. All of them bubble.
 */
export class LoncengBell extends HTMLElement {
  static observedAttributes = [...WHO, 'lang', 'theme', 'badge', 'placement', 'toast-position', 'max-toasts'];

  /** @type {Client | null} */
  #client = null;
  #words = words('en');
  /** @type {import('./messages.js').Words | null} */
  #dictionary = null;
  #bell = element('button', 'bell');
  #badge = element('span', 'badge');
  #said = element('div', 'said');
  #saidNow = element('div', 'said');
  #toastBox = element('div', 'toasts');
  #toasts = new Toasts(this.#toastBox, this.#words, (item, leaving) => this.#click(item, leaving), () => this.open());
  #panel = new Panel(this.#words, this.#bell, {
    client: () => this.#client,
    click: (item, leaving) => this.#click(item, leaving),
    shut: () => this.#shut(),
    announce: (text) => this.#announce(text, false),
  });
  /** @type {(() => Promise<string>) | undefined} */
  #getToken;
  #status = '';
  #tabbed = false;
  #connectSoon = false;
  /** What the tabs of the person have in common. @type {string | null} */
  #same = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #warning;
  #drawSoon = false;
  /** @type {string[]} */
  #toSay = [];
  #saying = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick;
  #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles()];
    this.#bell.type = 'button';
    this.#bell.append(icon('bell'), this.#badge);
    this.#bell.ariaHasPopup = 'dialog';
    this.#bell.ariaExpanded = 'false';
    this.#badge.hidden = true;
    this.#badge.ariaHidden = 'true';
    this.#bell.onclick = () => (this.#panel.isOpen ? this.#shut() : this.open());
    // In the page and empty before they speak: a region that appears with its text is not read.
    this.#said.role = 'status';
    this.#saidNow.role = 'alert';
    root.append(this.#bell, this.#panel.root, this.#toastBox, this.#said, this.#saidNow);
    this.addEventListener('keydown', (event) => (this.#tabbed = event.key === 'Tab'));
    this.addEventListener('pointerdown', () => (this.#tabbed = false));
    this.addEventListener('focusout', () => {
      // Within the bell nobody out here hears of it: the focus has left, and not because the window has.
      if (this.#tabbed && this.#panel.isOpen) this.close();
    });
  }

  /** The live inbox, for pages that want more than the bell shows. */
  get client() {
    return this.#client;
  }

  /**
   * Gets a token for whoever is signed in to the page: asked before the first connection, before a token ends, and when one is
   * refused.
   */
  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    if (this.isConnected) this.#connect();
  }

  /** Words of a language that the bell does not speak, or other words than its own. */
  get dictionary() {
    return this.#dictionary;
  }

  set dictionary(own) {
    this.#dictionary = own;
    this.#speak();
  }

  connectedCallback() {
    this.#adopt();
    this.#speak();
    this.#theme();
    this.#arrange();
    this.#dark.addEventListener('change', this.#theme);
    document.addEventListener('pointerdown', this.#outside);
    this.#tick = setInterval(() => this.#panel.tick(), 20_000);
    this.#connect();
  }

  disconnectedCallback() {
    this.#dark.removeEventListener('change', this.#theme);
    document.removeEventListener('pointerdown', this.#outside);
    clearInterval(this.#tick);
    clearTimeout(this.#warning);
    this.#client?.close();
    this.#client = null;
    this.#status = '';
    this.#toasts.clear();
    this.close();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === 'lang') this.#speak();
    else if (name === 'theme') this.#theme();
    else if (name === 'badge') this.#draw();
    else if (WHO.includes(name)) this.#connect();
    else this.#arrange();
  }

  /** A property that was set before this class was there lies in front of it. */
  #adopt() {
    for (const name of /** @type {const} */ (['getToken', 'dictionary'])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      // @ts-expect-error: both have the type of their own property.
      this[name] = value;
    }
  }

  /** Where things are. */
  #arrange() {
    this.#panel.placement = this.getAttribute('placement');
    this.#toastBox.dataset.position = this.getAttribute('toast-position') ?? '';
    const most = Number.parseInt(this.getAttribute('max-toasts') ?? '', 10);
    this.#toasts.most = most >= 0 ? most : TOASTS;
  }

  /** Opens the panel. */
  open() {
    this.#bell.ariaExpanded = 'true';
    // The list says the same, and they would lie over it.
    this.#toasts.clear();
    if (!this.#panel.isOpen) this.#panel.open();
  }

  /** Closes the panel. */
  close() {
    this.#panel.close();
    this.#bell.ariaExpanded = 'false';
  }

  /** Attributes are often set one after the other; they make one connection. */
  #connect() {
    if (this.#connectSoon) return;
    this.#connectSoon = true;
    queueMicrotask(() => {
      this.#connectSoon = false;
      if (!this.isConnected) return;
      const of = (/** @type {string} */ name) => this.getAttribute(name) || undefined;
      /** @type {import('./options.js').Options} */
      const options = {
        hub: of('hub'), token: of('token'), userId: of('user-id'), login: of('login'), role: of('user-role'),
        getToken: this.#getToken, auth: of('auth') === 'cookie' ? 'cookie' : undefined,
      };
      // Another token of the same person is no reason to start over.
      const same = shareName(options);
      if (options.token && this.#client?.mayShow && same && same === this.#same) {
        this.#client.useToken(options.token);
        return;
      }
      this.#same = same;
      this.#client?.close();
      this.#panel.forget();
      this.#toasts.clear();
      const client = new Client(options);
      client.addEventListener('change', () => {
        this.#tell();
        this.#draw();
      });
      client.addEventListener('notification', (event) => this.#ring(/** @type {CustomEvent} */ (event).detail));
      client.addEventListener('summary', (event) => this.#sumUp(/** @type {CustomEvent} */ (event).detail.count));
      this.#client = client;
      this.#tell();
      this.#draw();
      clearTimeout(this.#warning);
      if (!client.signIn.isMissing) return;
      this.#warning = setTimeout(() => {
        console.warn('Lonceng: <lonceng-bell> is not told who the user is; set the attribute token, the property getToken, or auth="cookie"');
      }, WARN_AFTER);
    });
  }

  /** Tells the page how the connection is. */
  #tell() {
    const { status, reason } = /** @type {Client} */ (this.#client);
    if (status === this.#status) return;
    this.#status = status;
    this.dispatchEvent(new CustomEvent('lonceng:status', { detail: { status, reason }, bubbles: true, composed: true }));
  }

  /** Many changes in a row are drawn once. */
  #draw() {
    if (this.#drawSoon) return;
    this.#drawSoon = true;
    const now = () => {
      if (!this.#drawSoon) return;
      this.#drawSoon = false;
      this.#render();
    };
    requestAnimationFrame(now);
    // Nobody paints a tab that is not looked at, and its badge must be right when it is.
    setTimeout(now, 100);
  }

  /** @param {Notification} item */
  #ring(item) {
    const fresh = new CustomEvent('lonceng:notification', { detail: item, bubbles: true, composed: true, cancelable: true });
    if (!this.dispatchEvent(fresh) || item.quiet) return;
    this.#bell.classList.remove('ringing');
    void this.#bell.offsetWidth; // Restarts the animation.
    this.#bell.classList.add('ringing');
    if (!this.#panel.isOpen) this.#toasts.show(item);
    else if (document.visibilityState === 'visible') this.#client?.markAllSeen();
    void this.#sound(item);
  }

  /** What is heard is heard once, whatever the number of tabs. @param {Notification} item */
  async #sound(item) {
    if (!(await this.#client?.claims(item.notification_id))) return;
    this.#announce(`${item.title}: ${item.message}`, item.priority === 'HIGH');
    if (here().sound ?? this.hasAttribute('sound')) chime(item.priority === 'HIGH');
    const wanted = here().desktop ?? this.hasAttribute('desktop');
    if (wanted && document.visibilityState !== 'visible') showOnDesktop(item);
  }

  /** @param {number} count */
  #sumUp(count) {
    if (!this.#panel.isOpen) this.#toasts.count(count);
    this.#announce(counted(this.#words, 'more', count), false);
  }

  /** @param {string} text @param {boolean} urgent */
  #announce(text, urgent) {
    if (urgent) {
      this.#saidNow.textContent = '';
      setTimeout(() => (this.#saidNow.textContent = text), 50);
      return;
    }
    this.#toSay.push(text);
    if (!this.#saying) this.#sayNext();
  }

  #sayNext() {
    const text = this.#toSay.shift();
    this.#saying = text !== undefined;
    if (text === undefined) return;
    // The same text twice is read twice only if something was there in between.
    this.#said.textContent = '';
    setTimeout(() => (this.#said.textContent = text), 50);
    setTimeout(() => this.#sayNext(), ANNOUNCE_GAP);
  }

  /**
   * Reports a click, and asks the page before a link is followed: false keeps it.
   * @param {Notification} item @param {boolean} leaving  Whether following it leaves the page.
   */
  #click(item, leaving) {
    const action = new CustomEvent('lonceng:action', { detail: item, bubbles: true, composed: true, cancelable: true });
    const follow = this.dispatchEvent(action);
    this.#client?.clicked(item.notification_id, leaving && follow);
    return follow;
  }

  #render() {
    const client = this.#client;
    const unseen = this.getAttribute('badge') === 'unseen';
    const count = (client?.mayShow && (unseen ? client.unseen : client.unread)) || 0;
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > 99 ? '99+' : String(count);
    const text = unseen ? this.#words.bellUnseen : this.#words.bellUnread;
    this.#bell.ariaLabel = count ? filled(text, { n: count }) : this.#words.bell;
    for (const id of this.#toasts.shown) {
      const item = client?.items.find((one) => one.notification_id === id);
      if (item?.status !== 'unread') this.#toasts.forget(id);
    }
    this.#panel.render();
  }

  #shut() {
    this.close();
    this.#bell.focus();
  }

  /** @param {Event} event */
  #outside = (event) => {
    if (this.#panel.isOpen && !event.composedPath().includes(this)) this.close();
  };

  #language() {
    const near = /** @type {HTMLElement | null} */ (this.closest('[lang]'));
    return this.lang || near?.lang || navigator.language || 'en';
  }

  #speak() {
    const language = this.#language();
    this.#words = words(language, this.#dictionary);
    this.#toasts.words = this.#words;
    this.#panel.speak(this.#words, language);
    this.#draw();
  }

  #theme = () => {
    const wanted = this.getAttribute('theme');
    const dark = wanted === 'dark' || (wanted !== 'light' && this.#dark.matches);
    this.dataset.theme = dark ? 'dark' : 'light';
  };
}
