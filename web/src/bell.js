import { Client } from './client.js';
import { words, filled } from './messages.js';
import { styles } from './styles.js';
import { element, icon } from './icons.js';
import { Toasts } from './toasts.js';
import { Panel } from './panel.js';
import { chime, here, showOnDesktop } from './settings.js';

/** @typedef {import('./inbox.js').Notification} Notification */

/** What is announced to a screen reader stays this long before the next, so that both are heard. */
const ANNOUNCE_GAP = 700;

/** Attributes that say where to connect, and as whom. */
const WHO = ['hub', 'token', 'user-id', 'login', 'user-role'];

/**
 * The bell: `<lonceng-bell token="…">`.
 *
 * Fires `lonceng:notification` for each new notification and `lonceng:action` before it follows one's link; both can be
 * cancelled by pages that show or navigate by themselves. Both bubble, with the notification as `detail`.
 */
export class LoncengBell extends HTMLElement {
  static observedAttributes = [...WHO, 'lang', 'theme', 'badge'];

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
  #toasts = new Toasts(this.#toastBox, this.#words, (item, follow) => this.#act(item, follow));
  #panel = new Panel(this.#words, () => this.#client, (item) => this.#act(item, true), () => this.#shut(),
    (text) => this.#announce(text, false));
  #connectSoon = false;
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
  }

  /** The live inbox, for pages that want more than the bell shows. */
  get client() {
    return this.#client;
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
    this.#speak();
    this.#theme();
    this.#dark.addEventListener('change', this.#theme);
    document.addEventListener('pointerdown', this.#outside);
    this.#tick = setInterval(() => this.#panel.tick(), 20_000);
    this.#connect();
  }

  disconnectedCallback() {
    this.#dark.removeEventListener('change', this.#theme);
    document.removeEventListener('pointerdown', this.#outside);
    clearInterval(this.#tick);
    this.#client?.close();
    this.#client = null;
    this.#toasts.clear();
    this.close();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === 'lang') this.#speak();
    else if (name === 'theme') this.#theme();
    else if (name === 'badge') this.#draw();
    else this.#connect();
  }

  /** Opens the panel. */
  open() {
    this.#bell.ariaExpanded = 'true';
    // The list says the same, and they would lie over it.
    this.#toasts.clear();
    this.#panel.open();
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
      this.#client?.close();
      this.#client = null;
      this.#panel.forget();
      if (!this.isConnected || !(this.getAttribute('token') || this.getAttribute('user-id'))) return;
      const of = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
      const client = new Client({
        hub: of('hub'), token: of('token'), userId: of('user-id'), login: of('login'), role: of('user-role'),
      });
      client.addEventListener('change', () => this.#draw());
      client.addEventListener('notification', (event) => this.#ring(/** @type {CustomEvent} */ (event).detail));
      client.addEventListener('summary', (event) => this.#sumUp(/** @type {CustomEvent} */ (event).detail.count));
      this.#client = client;
      this.#draw();
    });
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
    this.#announce(filled(this.#words.more, { n: count }), false);
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

  /** Marks read, and asks the page before a link is followed. @param {Notification} item @param {boolean} follow */
  #act(item, follow) {
    if (follow) this.#client?.clicked(item.notification_id);
    else this.#client?.markRead(item.notification_id);
    if (!follow) return true;
    const action = new CustomEvent('lonceng:action', { detail: item, bubbles: true, composed: true, cancelable: true });
    return this.dispatchEvent(action);
  }

  #render() {
    const client = this.#client;
    const unseen = this.getAttribute('badge') === 'unseen';
    const count = (unseen ? client?.unseen : client?.unread) ?? 0;
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
