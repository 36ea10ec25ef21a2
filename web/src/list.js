import { filled } from './messages.js';
import { ago, clock, day, snoozeEnds } from './time.js';
import { button, element, icon } from './icons.js';
import { rowOf } from './row.js';

/** @import { Mark, Notification } from './inbox.js' */
/** @import { Tab } from './inbox-api.js' */
/** @import { Words } from './messages.js' */

/**
 * Actions of the list.
 *
 * @typedef {object} ListActions
 * @property {(item: Notification, mark: Mark) => void} mark
 * @property {(item: Notification, until: Date) => void} snooze
 * @property {(item: Notification, leaving: boolean) => boolean} click  Reports a click. Returns
 *   false to stay on the page.
 * @property {(item: Notification) => string | null} muteName  Returns the name of its type, if that
 *   can be muted.
 * @property {(item: Notification) => void} mute
 * @property {() => void} redraw
 */

/**
 * List of notifications: a feed (WAI-ARIA practices) of articles, grouped by day. A row is rendered
 * again only when its notification has changed, so that a new one costs the same among a thousand.
 */
export class List {
  root = element('div', 'list');
  /** @type {Words} */
  words;
  language = 'en';
  /** @type {ListActions} */
  #actions;
  /** @type {Map<string, { row: HTMLElement, key: string }>} */
  #rows = new Map();
  /** Open menu. @type {HTMLElement | null} */
  #menu = null;

  /**
   * @param {Words} words
   * @param {ListActions} actions
   */
  constructor(words, actions) {
    this.words = words;
    this.#actions = actions;
    this.root.role = 'feed';
  }

  /**
   * Shows notifications in this order.
   * @param {Notification[]} items
   * @param {Node} empty  Shown for an empty list.
   */
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
    // A notification that became the newest again is listed under the day of the next row, if later.
    const times = items.map((item) => item.created_at);
    for (let i = times.length - 2; i >= 0; i -= 1)
      if (Date.parse(times[i]) < Date.parse(times[i + 1])) times[i] = times[i + 1];
    items.forEach((item, index) => {
      const on = day(times[index], this.language, now, this.words);
      const heading = on === last ? '' : on;
      last = on;
      // The other fields of a notification never change.
      const key = `${item.status} ${item.count} ${heading}`;
      const known = this.#rows.get(item.notification_id);
      // A row with an open menu is kept.
      const keep = known && (known.key === key || known.row.contains(this.#menu));
      const row = keep ? known.row : rowOf(item, heading, now, this);
      row.ariaPosInSet = String(index + 1);
      row.ariaSetSize = String(items.length);
      kept.set(item.notification_id, { row, key: keep ? known.key : key });
    });
    const rows = new Set([...kept.values()].map(({ row }) => row));
    for (const row of [...this.root.children])
      if (!rows.has(/** @type {HTMLElement} */ (row))) row.remove();
    /** @type {Element | null} */
    let at = this.root.firstElementChild;
    for (const row of rows) {
      if (row === at) at = row.nextElementSibling;
      else this.root.insertBefore(row, at);
    }
    this.#rows = kept;
    this.#refocus(focused, items);
  }

  /**
   * @param {Notification} item
   * @param {boolean} leaving
   */
  click(item, leaving) {
    return this.#actions.click(item, leaving);
  }

  /** @param {Notification} item */
  read(item) {
    this.#actions.mark(item, 'read');
  }

  /** Updates the relative times. */
  tick() {
    const now = Date.now();
    for (const time of this.root.querySelectorAll('time')) {
      const text = ago(time.dateTime, this.language, now);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  /** Renders all rows again, for another language. */
  forget() {
    this.#rows.clear();
    this.root.replaceChildren();
  }

  /** @returns {HTMLElement[]} */
  #all() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll('.item'))];
  }

  #active() {
    return /** @type {HTMLElement | null} */ (
      /** @type {ShadowRoot} */ (this.root.getRootNode()).activeElement
    );
  }

  #focused() {
    const row = /** @type {HTMLElement | null | undefined} */ (this.#active()?.closest('.item'));
    return row && this.root.contains(row)
      ? { id: row.dataset.id ?? '', at: this.#all().indexOf(row) }
      : null;
  }

  /**
   * Restores the focus, on the next row if the focused one is gone.
   * @param {{id: string, at: number} | null} was
   * @param {Notification[]} items
   */
  #refocus(was, items) {
    if (!was || this.#focused()) return;
    const next = items[Math.min(was.at, items.length - 1)];
    (this.#rows.get(was.id) ?? this.#rows.get(next.notification_id))?.row.focus();
  }

  /**
   * @param {Notification} item
   * @param {HTMLButtonElement} opener
   */
  menu(item, opener) {
    const was = this.#menu;
    this.#closeMenu();
    if (was?.previousElementSibling === opener) return;
    const { words } = this;
    const marks = /** @type {[Mark, string][]} */ ([
      item.status === 'unread' ? ['read', words.markRead] : ['unread', words.markUnread],
      item.status === 'archived' ? ['unarchive', words.unarchive] : ['archive', words.archive],
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
    for (const [mark, text] of marks) add(text, () => this.#actions.mark(item, mark));
    if (item.status !== 'archived') {
      const { hour, tomorrow, week } = snoozeEnds(Date.now());
      const snooze = (/** @type {string} */ text, /** @type {Date} */ until) =>
        add(filled(text, { time: clock(until, this.language) }), () =>
          this.#actions.snooze(item, until),
        );
      snooze(words.snoozeHour, hour);
      snooze(words.snoozeTomorrow, tomorrow);
      snooze(words.snoozeWeek, week);
    }
    add(words.remove, () => this.#actions.mark(item, 'delete'));
    const type = this.#actions.muteName(item);
    if (type) add(filled(words.mute, { type }), () => this.#actions.mute(item));
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
    // Draws changes that waited for the menu.
    queueMicrotask(() => this.#actions.redraw());
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement} menu
   * @param {HTMLElement} opener
   */
  #menuKey(event, menu, opener) {
    event.stopPropagation();
    const entries = /** @type {HTMLElement[]} */ ([...menu.children]);
    const at = entries.indexOf(/** @type {HTMLElement} */ (this.#active()));
    const count = entries.length;
    const to = {
      ArrowDown: (at + 1) % count,
      ArrowUp: (at + count - 1) % count,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      entries[to].focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      if (event.key === 'Escape') event.preventDefault();
      opener.focus();
      this.#closeMenu();
    }
  }

  /**
   * Handles the keys of the list.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const rows = this.#all();
    const active = this.#active();
    const at = rows.findIndex((row) => row.contains(active));
    const to = {
      ArrowDown: at + 1,
      PageDown: at + 1,
      ArrowUp: Math.max(0, at - 1),
      PageUp: Math.max(0, at - 1),
      Home: 0,
      End: rows.length - 1,
    }[event.key];
    if (to !== undefined && rows[to]) {
      event.preventDefault();
      rows[to].focus();
      return;
    }
    const row = rows[at];
    if (!row || active !== row) return;
    const press = (/** @type {string} */ selector) =>
      /** @type {HTMLElement | null} */ (row.querySelector(selector))?.click();
    if (event.key === 'Enter' && row.querySelector('a.title')) press('a.title');
    else if (event.key === 'Enter') row.click();
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) press('.more');
    else return;
    event.preventDefault();
  }
}

/**
 * Returns the placeholder of an empty list.
 * @param {Words} words
 * @param {Tab} tab
 * @param {boolean} known  True if it is known that there is nothing.
 * @param {boolean} loading  True if that may be said while it is not known.
 */
export function emptyList(words, tab, known, loading) {
  const empty = element('div', 'empty');
  empty.append(icon('bell'));
  const texts = { all: words.empty, unread: words.emptyUnread, archived: words.emptyArchived };
  if (known) empty.append(element('strong', '', texts[tab]));
  if (known && tab === 'all') empty.append(words.emptyHint);
  if (!known && loading) empty.append(element('strong', '', words.loading));
  return empty;
}
