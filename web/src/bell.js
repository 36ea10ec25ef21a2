import { Client } from './connection.js';
import { words, withNumber } from './messages.js';
import { ago } from './time.js';
import { styles } from './styles.js';
import { element, icon, safeUrl } from './icons.js';
import { Toasts } from './toasts.js';

/** @typedef {import('./inbox.js').Notification} Notification */

/** What is announced to a screen reader stays this long before the next, so that both are heard. */
const ANNOUNCE_GAP = 700;

/** Attributes that say where to connect, and as whom. */
const WHO = ['hub', 'token', 'user-id', 'login', 'user-role'];

/**
 * The bell: `<lonceng-bell token="…">`.
 *
 * Fires `lonceng:notification` for each new notification and `lonceng:action` before it follows one's link; the latter can
 * be cancelled by pages that navigate by themselves. Both bubble, with the notification as `detail`.
 */
export class LoncengBell extends HTMLElement {
  static observedAttributes = [...WHO, 'lang', 'theme'];

  /** @type {Client | null} */
  #client = null;
  #words = words('en');
  #bell = element('button', 'bell');
  #badge = element('span', 'badge');
  #panel = element('div', 'panel');
  #heading = element('h2', 'heading');
  #markAll = element('button', 'quiet');
  #offline = element('p', 'offline');
  #list = element('ul', 'list');
  #older = element('button', 'quiet older');
  #said = element('div', 'said');
  #saidNow = element('div', 'said');
  #toastBox = element('div', 'toasts');
  #toasts = new Toasts(this.#toastBox, this.#words, (notification, follow) => this.#act(notification, follow));
  #cursor = /** @type {string | null} */ (null);
  #loaded = false;
  #connectSoon = false;
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
    this.#build(root);
  }

  /** The live inbox, for pages that want more than the bell shows. */
  get client() {
    return this.#client;
  }

  connectedCallback() {
    this.#speak();
    this.#theme();
    this.#dark.addEventListener('change', this.#theme);
    document.addEventListener('pointerdown', this.#outside);
    this.#tick = setInterval(() => this.#renderTimes(), 30_000);
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
    else this.#connect();
  }

  /** Opens the panel. */
  open() {
    this.#panel.hidden = false;
    this.#bell.ariaExpanded = 'true';
    // The list says the same, and they would lie over it.
    this.#toasts.clear();
    this.#render();
    this.#panel.focus();
    if (!this.#loaded) void this.#load();
  }

  /** Closes the panel. */
  close() {
    this.#panel.hidden = true;
    this.#bell.ariaExpanded = 'false';
  }

  /** @param {ShadowRoot} root */
  #build(root) {
    this.#bell.type = this.#markAll.type = this.#older.type = 'button';
    this.#bell.append(icon('bell'), this.#badge);
    this.#bell.ariaHasPopup = 'dialog';
    this.#bell.ariaExpanded = 'false';
    this.#badge.hidden = this.#panel.hidden = this.#offline.hidden = this.#older.hidden = true;
    this.#badge.ariaHidden = 'true';
    this.#bell.onclick = () => (this.#panel.hidden ? this.open() : this.#shut());
    this.#panel.role = 'dialog';
    this.#panel.tabIndex = -1;
    this.#panel.onkeydown = (event) => this.#key(event);
    this.#markAll.onclick = () => this.#client?.markAllRead();
    this.#older.onclick = () => void this.#load();
    const head = element('div', 'head');
    head.append(this.#heading, this.#markAll);
    this.#panel.append(head, this.#offline, this.#list, this.#older);
    // In the page and empty before they speak: a region that appears with its text is not read.
    this.#said.role = 'status';
    this.#saidNow.role = 'alert';
    root.append(this.#bell, this.#panel, this.#toastBox, this.#said, this.#saidNow);
  }

  /** Attributes are often set one after the other; they make one connection. */
  #connect() {
    if (this.#connectSoon) return;
    this.#connectSoon = true;
    queueMicrotask(() => {
      this.#connectSoon = false;
      this.#client?.close();
      this.#client = null;
      this.#loaded = false;
      this.#cursor = null;
      if (!this.isConnected || !(this.getAttribute('token') || this.getAttribute('user-id'))) return;
      const of = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
      const client = new Client({
        hub: of('hub'), token: of('token'), userId: of('user-id'), login: of('login'), role: of('user-role'),
      });
      client.addEventListener('change', () => this.#render());
      client.addEventListener('notification', (event) => this.#ring(/** @type {CustomEvent} */ (event).detail));
      this.#client = client;
      this.#render();
    });
  }

  async #load() {
    const client = this.#client;
    if (!client) return;
    this.#loaded = true;
    try {
      this.#cursor = await client.loadOlder(this.#cursor);
    } catch {
      // What came over the WebSocket is shown all the same.
      this.#loaded = false;
    }
    this.#older.hidden = !this.#cursor;
  }

  /** @param {Notification} notification */
  #ring(notification) {
    const fresh = new CustomEvent('lonceng:notification', {
      detail: notification, bubbles: true, composed: true, cancelable: true,
    });
    if (!this.dispatchEvent(fresh)) return;
    this.#bell.classList.remove('ringing');
    void this.#bell.offsetWidth; // Restarts the animation.
    this.#bell.classList.add('ringing');
    if (this.#panel.hidden) this.#toasts.show(notification);
    this.#announce(notification);
  }

  /** @param {Notification} notification */
  #announce(notification) {
    const text = `${notification.title}: ${notification.message}`;
    if (notification.priority === 'HIGH') {
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

  /** Marks read, and asks the page before a link is followed. @param {Notification} notification @param {boolean} follow */
  #act(notification, follow) {
    this.#client?.markRead(notification.notification_id);
    if (!follow) return true;
    const action = new CustomEvent('lonceng:action', {
      detail: notification, bubbles: true, composed: true, cancelable: true,
    });
    return this.dispatchEvent(action);
  }

  #render() {
    const client = this.#client;
    const unread = client?.unread ?? 0;
    this.#badge.hidden = unread === 0;
    this.#badge.textContent = unread > 99 ? '99+' : String(unread);
    this.#bell.ariaLabel = unread ? withNumber(this.#words.bellUnread, unread) : this.#words.bell;
    this.#markAll.disabled = unread === 0;
    const trouble = client?.status === 'offline' || client?.status === 'denied';
    this.#offline.hidden = !trouble;
    this.#offline.textContent = client?.status === 'denied' ? this.#words.denied : this.#words.offline;
    const items = client?.items ?? [];
    for (const item of items) if (item.status !== 'unread') this.#toasts.forget(item.notification_id);
    if (!this.#panel.hidden) this.#renderList(items);
  }

  /** @param {Notification[]} items */
  #renderList(items) {
    const focused = /** @type {HTMLElement | null} */ (this.shadowRoot?.activeElement);
    const at = focused?.closest('.item')?.getAttribute('data-id');
    if (items.length === 0) {
      const empty = element('li', 'empty');
      empty.append(icon('bell'), element('strong', '', this.#words.empty), this.#words.emptyHint);
      this.#list.replaceChildren(empty);
      return;
    }
    this.#list.replaceChildren(...items.map((item) => this.#item(item)));
    if (!at) return;
    const again = [...this.#list.children].find((child) => child.getAttribute('data-id') === at);
    /** @type {HTMLElement | null | undefined} */ (again)?.focus();
  }

  /** @param {Notification} item */
  #item(item) {
    const unread = item.status === 'unread';
    const row = element('li', 'item');
    row.dataset.id = item.notification_id;
    row.tabIndex = 0;
    row.classList.toggle('unread', unread);
    row.classList.toggle('high', item.priority === 'HIGH');
    const title = element('span', 'title', item.title);
    if (unread) title.append(element('span', 'said', ` (${this.#words.unread})`));
    const when = element('time', 'when', ago(item.created_at, this.#language(), Date.now()));
    when.dateTime = item.created_at;
    row.append(title, when, element('span', 'text', item.message));
    const actions = element('div', 'actions');
    const url = safeUrl(item.action_url);
    if (url) {
      const link = element('a', 'quiet', this.#words.open);
      link.href = url;
      link.onclick = (event) => {
        if (!this.#act(item, true)) event.preventDefault();
      };
      actions.append(link);
    }
    if (unread) {
      const read = element('button', 'quiet', this.#words.markRead);
      read.type = 'button';
      read.onclick = () => void this.#act(item, false);
      actions.append(read);
    }
    if (actions.childElementCount) row.append(actions);
    return row;
  }

  #renderTimes() {
    for (const time of this.#list.querySelectorAll('time')) {
      time.textContent = ago(time.dateTime, this.#language(), Date.now());
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === 'Escape') {
      event.stopPropagation();
      this.#shut();
      return;
    }
    const rows = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll('.item')]);
    const active = /** @type {HTMLElement | null} */ (this.shadowRoot?.activeElement);
    const at = rows.findIndex((row) => row.contains(active));
    const to = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined && rows[to]) {
      event.preventDefault();
      rows[to].focus();
    } else if (event.key === 'Enter' && active === rows[at]) {
      /** @type {HTMLElement | null} */ (rows[at].querySelector('a, button'))?.click();
    }
  }

  #shut() {
    this.close();
    this.#bell.focus();
  }

  /** @param {Event} event */
  #outside = (event) => {
    if (!this.#panel.hidden && !event.composedPath().includes(this)) this.close();
  };

  #language() {
    const near = /** @type {HTMLElement | null} */ (this.closest('[lang]'));
    return this.lang || near?.lang || navigator.language || 'en';
  }

  #speak() {
    this.#words = words(this.#language());
    this.#toasts.words = this.#words;
    this.#panel.ariaLabel = this.#heading.textContent = this.#words.title;
    this.#markAll.textContent = this.#words.markAll;
    this.#older.textContent = this.#words.older;
    this.#render();
  }

  #theme = () => {
    const wanted = this.getAttribute('theme');
    const dark = wanted === 'dark' || (wanted !== 'light' && this.#dark.matches);
    this.dataset.theme = dark ? 'dark' : 'light';
  };
}
