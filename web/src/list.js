import { filled } from './messages.js';
import { ago, day } from './time.js';
import { button, element } from './icons.js';
import { rowOf } from './row.js';

/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox.js').Mark} Mark */

/**
 * What the list can have done.
 *
 * @typedef {object} Deeds
 * @property {(item: Notification, mark: Mark) => void} mark
 * @property {(item: Notification, leaving: boolean) => boolean} click  Reports a click; false keeps the page.
 * @property {(item: Notification) => string | null} muteName  The name of its type, if that can be muted.
 * @property {(item: Notification) => void} mute
 * @property {() => void} redraw
 */

/**
 * The list: a feed (WAI-ARIA practices) of articles, grouped by day. A row is made again only when its notification has
 * changed, so that a thousand of them cost no more than the one that is new.
 */
export class List {
  root = element('div', 'list');
  /** @type {import('./messages.js').Words} */
  words;
  language = 'en';
  /** @type {Deeds} */
  #deeds;
  /** @type {Map<string, { row: HTMLElement, key: string }>} */
  #rows = new Map();
  /** The menu that is open. @type {HTMLElement | null} */
  #menu = null;

  /** @param {import('./messages.js').Words} words @param {Deeds} deeds */
  constructor(words, deeds) {
    this.words = words;
    this.#deeds = deeds;
    this.root.role = 'feed';
  }

  /** Shows these, in this order. @param {Notification[]} items @param {Node} empty  What to show when there are none. */
  show(items, empty) {
    if (items.length === 0) {
      this.#rows.clear();
      this.root.role = 'presentation';
      this.root.replaceChildren(empty);
      return;
    }
    this.root.role = 'feed';
    const now = Date.now();
    const focused = this.#focused();
    const kept = new Map();
    let last = '';
    items.forEach((item, index) => {
      const on = day(item.created_at, this.language, now, this.words);
      const heading = on === last ? '' : on;
      last = on;
      // Everything else of a notification never changes.
      const key = `${item.status} ${heading}`;
      const known = this.#rows.get(item.notification_id);
      // Whoever has its menu open is not to lose it.
      const keep = known && (known.key === key || known.row.contains(this.#menu));
      const row = keep ? known.row : rowOf(item, heading, now, this);
      row.ariaPosInSet = String(index + 1);
      row.ariaSetSize = String(items.length);
      kept.set(item.notification_id, { row, key: keep ? known.key : key });
    });
    const rows = new Set([...kept.values()].map(({ row }) => row));
    for (const row of [...this.root.children]) if (!rows.has(/** @type {HTMLElement} */ (row))) row.remove();
    /** @type {Element | null} */
    let at = this.root.firstElementChild;
    for (const row of rows) {
      if (row === at) at = row.nextElementSibling;
      else this.root.insertBefore(row, at);
    }
    this.#rows = kept;
    this.#refocus(focused, items);
  }

  /** @param {Notification} item @param {boolean} leaving */
  click(item, leaving) {
    return this.#deeds.click(item, leaving);
  }

  /** @param {Notification} item */
  read(item) {
    this.#deeds.mark(item, 'read');
  }

  /** Times tick. */
  tick() {
    const now = Date.now();
    for (const time of this.root.querySelectorAll('time')) {
      const text = ago(time.dateTime, this.language, now);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  /** Makes everything again: the words are others. */
  forget() {
    this.#rows.clear();
    this.root.replaceChildren();
  }

  /** @returns {HTMLElement[]} */
  #all() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll('.item'))];
  }

  #active() {
    return /** @type {HTMLElement | null} */ (/** @type {ShadowRoot} */ (this.root.getRootNode()).activeElement);
  }

  #focused() {
    const row = /** @type {HTMLElement | null | undefined} */ (this.#active()?.closest('.item'));
    return row && this.root.contains(row) ? { id: row.dataset.id ?? '', at: this.#all().indexOf(row) } : null;
  }

  /** Focus stays where it was; on what comes next when that is gone. @param {{id: string, at: number} | null} was @param {Notification[]} items */
  #refocus(was, items) {
    if (!was || this.#focused()) return;
    const next = items[Math.min(was.at, items.length - 1)];
    (this.#rows.get(was.id) ?? this.#rows.get(next.notification_id))?.row.focus();
  }

  /** @param {Notification} item @param {HTMLButtonElement} opener */
  menu(item, opener) {
    const was = this.#menu;
    this.#closeMenu();
    if (was?.previousElementSibling === opener) return;
    const { words } = this;
    const marks = /** @type {[Mark, string][]} */ ([
      item.status === 'unread' ? ['read', words.markRead] : ['unread', words.markUnread],
      item.status === 'archived' ? ['unarchive', words.unarchive] : ['archive', words.archive],
      ['delete', words.remove],
    ]);
    const menu = element('div', 'menu');
    menu.role = 'menu';
    const add = (/** @type {string} */ text, /** @type {() => void} */ act) => {
      const entry = button('entry', text, () => {
        this.#closeMenu();
        opener.focus();
        act();
      });
      entry.role = 'menuitem';
      entry.tabIndex = -1;
      menu.append(entry);
    };
    for (const [mark, text] of marks) add(text, () => this.#deeds.mark(item, mark));
    const type = this.#deeds.muteName(item);
    if (type) add(filled(words.mute, { type }), () => this.#deeds.mute(item));
    menu.onkeydown = (event) => this.#menuKey(event, menu, opener);
    menu.addEventListener('focusout', (event) => {
      if (!menu.contains(/** @type {Node | null} */ (event.relatedTarget))) this.#closeMenu();
    });
    opener.after(menu);
    opener.ariaExpanded = 'true';
    this.#menu = menu;
    menu.scrollIntoView({ block: 'nearest' });
    /** @type {HTMLElement} */ (menu.firstElementChild).focus();
  }

  #closeMenu() {
    const menu = this.#menu;
    this.#menu = null;
    if (!menu) return;
    if (menu.previousElementSibling) menu.previousElementSibling.ariaExpanded = 'false';
    menu.remove();
    // What changed meanwhile is drawn now.
    queueMicrotask(() => this.#deeds.redraw());
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} menu @param {HTMLElement} opener */
  #menuKey(event, menu, opener) {
    event.stopPropagation();
    const entries = /** @type {HTMLElement[]} */ ([...menu.children]);
    const at = entries.indexOf(/** @type {HTMLElement} */ (this.#active()));
    const count = entries.length;
    const to = { ArrowDown: (at + 1) % count, ArrowUp: (at + count - 1) % count, Home: 0, End: count - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      entries[to].focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      if (event.key === 'Escape') event.preventDefault();
      opener.focus();
      this.#closeMenu();
    }
  }

  /** Moves and acts by keys. @param {KeyboardEvent} event */
  key(event) {
    const rows = this.#all();
    const active = this.#active();
    const at = rows.findIndex((row) => row.contains(active));
    const to = {
      ArrowDown: at + 1, PageDown: at + 1, ArrowUp: Math.max(0, at - 1), PageUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1,
    }[event.key];
    if (to !== undefined && rows[to]) {
      event.preventDefault();
      rows[to].focus();
      return;
    }
    const row = rows[at];
    if (!row || active !== row) return;
    const press = (/** @type {string} */ what) => /** @type {HTMLElement | null} */ (row.querySelector(what))?.click();
    if (event.key === 'Enter' && row.querySelector('a.title')) press('a.title');
    else if (event.key === 'Enter') row.click();
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) press('.more');
    else return;
    event.preventDefault();
  }
}
