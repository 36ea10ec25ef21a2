import { ago, day } from './time.js';
import { element } from './icons.js';
import { RowMenu } from './menu.js';
import { rowOf } from './row.js';
import { entityOf, threadsOf } from './threads.js';

/** @import { Choice } from './host-element.js' */
/** @import { Mark, Notification } from './inbox.js' */
/** @import { Words } from './messages.js' */
/** @import { RowPlace } from './row.js' */

/**
 * Actions of the list.
 *
 * @typedef {object} ListActions
 * @property {(item: Notification, mark: Mark) => void} mark
 * @property {(item: Notification, until: Date) => void} snooze
 * @property {(item: Notification, leaving: boolean, choice?: Choice) => boolean} click  Reports a
 *   click. Returns false to stay on the page.
 * @property {(item: Notification) => string | null} muteName  Returns the name of its type, if that
 *   can be muted.
 * @property {(item: Notification) => void} mute
 * @property {() => void} redraw
 * @property {(item: Notification) => HTMLElement | null} custom  Returns the slot of a row of the
 *   page's own, if there is one.
 */

/**
 * List of notifications: a feed (WAI-ARIA practices) of articles, grouped by day and by entity. A
 * row is rendered again only when its notification has changed, so that a new one costs the same
 * among a thousand.
 */
export class List {
  root = element('div', 'list');
  /** @type {Words} */
  words = {};
  language = 'en';
  /** @type {ListActions} */
  #actions;
  /** @type {RowMenu} */
  #menu;
  /** @type {Map<string, { row: HTMLElement, key: string, item: Notification }>} */
  #rows = new Map();
  /** Entities whose threads are expanded. @type {Set<string>} */
  #expanded = new Set();

  /** @param {ListActions} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#menu = new RowMenu(actions);
    this.root.role = 'feed';
  }

  /**
   * Shows notifications in this order.
   * @param {Notification[]} items
   * @param {HTMLElement} empty  Shown for an empty list.
   * @param {boolean} titled  True if the rows show their category.
   */
  show(items, empty, titled) {
    const hasFocus = this.root.contains(this.#active());
    if (items.length === 0) {
      this.#rows.clear();
      this.root.role = 'presentation';
      if (this.root.firstElementChild?.isEqualNode(empty)) return;
      this.root.replaceChildren(empty);
      // Without the focus, the keys of the list and of the panel would be gone.
      if (hasFocus) empty.focus();
      return;
    }
    this.root.role = 'feed';
    const now = Date.now();
    const focused = this.#focused() ?? (hasFocus ? { id: '', at: 0 } : null);
    const kept = new Map();
    const places = this.#places(items, now, titled);
    let index = 0;
    for (const [item, place] of places) {
      // The other fields of a notification never change.
      const { status, snoozed_until, count, clicked_action } = item;
      const key = JSON.stringify([status, snoozed_until, count, clicked_action, place]);
      const known = this.#rows.get(item.notification_id);
      // A row with an open menu is kept.
      const keep = known && (known.key === key || this.#menu.isIn(known.row));
      const row = keep ? known.row : rowOf(item, place, now, this);
      index += 1;
      row.ariaPosInSet = String(index);
      row.ariaSetSize = String(places.size);
      kept.set(item.notification_id, { row, item, key: keep ? known.key : key });
    }
    this.#arrange([...kept.values()].map(({ row }) => row));
    this.#rows = kept;
    this.#refocus(focused);
  }

  /**
   * Returns the rows with their places, newest first.
   * @param {Notification[]} items
   * @param {number} now
   * @param {boolean} titled
   * @returns {Map<Notification, RowPlace>}
   */
  #places(items, now, titled) {
    const threads = threadsOf(items);
    const pictured = items.some((item) => item.icon);
    const isRich = pictured || items.some((item) => item.category);
    this.root.classList.toggle('rich', isRich);
    // A notification that became the newest again is listed under the day of the next row, if later.
    const times = threads.map(({ item }) => item.created_at);
    for (let i = times.length - 2; i >= 0; i -= 1)
      if (Date.parse(times[i]) < Date.parse(times[i + 1])) times[i] = times[i + 1];
    /** @type {Map<Notification, RowPlace>} */
    const places = new Map();
    let last = '';
    threads.forEach(({ item, others }, index) => {
      const on = day(times[index], this.language, now, this.words);
      const heading = on === last ? '' : on;
      last = on;
      const expanded = others.length > 0 && this.#expanded.has(entityOf(item));
      const unread = others.filter(({ status }) => status === 'unread').length;
      const common = { pictured, titled, unread: 0, others: 0, expanded: false };
      places.set(item, {
        ...common,
        heading,
        member: false,
        others: others.length,
        unread,
        expanded,
      });
      if (!expanded) return;
      for (const other of others) places.set(other, { ...common, heading: '', member: true });
    });
    return places;
  }

  /**
   * Puts rows into this order, and removes all others.
   * @param {HTMLElement[]} order
   */
  #arrange(order) {
    const rows = new Set(order);
    for (const row of [...this.root.children])
      if (!rows.has(/** @type {HTMLElement} */ (row))) row.remove();
    /** @type {Element | null} */
    let at = this.root.firstElementChild;
    for (const row of rows) {
      if (row === at) at = row.nextElementSibling;
      else this.root.insertBefore(row, at);
    }
  }

  /**
   * @param {Notification} item
   * @param {boolean} leaving
   * @param {Choice} [choice]
   */
  click(item, leaving, choice) {
    return this.#actions.click(item, leaving, choice);
  }

  /** @param {Notification} item */
  read(item) {
    this.#actions.mark(item, 'read');
  }

  /** @param {Notification} item */
  custom(item) {
    return this.#actions.custom(item);
  }

  /**
   * Expands or collapses a thread.
   * @param {Notification} item
   */
  toggle(item) {
    const key = entityOf(item);
    if (!this.#expanded.delete(key)) this.#expanded.add(key);
    this.#actions.redraw();
    const { row } = this.#rows.get(item.notification_id) ?? {};
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector('.thread'))?.focus();
  }

  /**
   * Opens the menu of a row.
   * @param {Notification} item
   * @param {HTMLButtonElement} opener
   * @param {boolean} [snoozeOnly]
   */
  menu(item, opener, snoozeOnly) {
    this.#menu.open(item, opener, this.words, this.language, snoozeOnly);
  }

  /** IDs of the notifications that are shown. */
  get shown() {
    return new Set(this.#rows.keys());
  }

  /** Moves the focus to the first row. */
  focusFirst() {
    this.#all()[0]?.focus();
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
   */
  #refocus(was) {
    if (!was || this.#focused()) return;
    const rows = this.#all();
    (this.#rows.get(was.id)?.row ?? rows[Math.min(was.at, rows.length - 1)])?.focus();
  }

  /**
   * Handles the keys of the list. Returns true if the key has moved towards the end.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const rows = this.#all();
    const active = this.#active();
    const at = rows.findIndex((row) => row.contains(active));
    const to = {
      ArrowDown: at + 1,
      PageDown: at + 1,
      j: at + 1,
      ArrowUp: Math.max(0, at - 1),
      PageUp: Math.max(0, at - 1),
      k: Math.max(0, at - 1),
      Home: 0,
      End: rows.length - 1,
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (to !== undefined && rows[to]) {
      event.preventDefault();
      rows[to].focus();
      return to > at;
    }
    const row = rows[at];
    if (row && active === row && this.#rowKey(event, row)) event.preventDefault();
    return to !== undefined;
  }

  /**
   * Handles a key on a row. Returns true if it has an effect.
   * @param {KeyboardEvent} event
   * @param {HTMLElement} row
   */
  #rowKey(event, row) {
    const { item } = this.#rows.get(row.dataset.id ?? '') ?? {};
    if (!item) return false;
    const press = (/** @type {string} */ selector) =>
      /** @type {HTMLElement | null} */ (row.querySelector(selector))?.click();
    const { key } = event;
    if (key === 'Enter' && row.querySelector('a.title')) press('a.title');
    else if (key === 'Enter') row.click();
    else if (key === 'ContextMenu' || (key === 'F10' && event.shiftKey)) press('.more');
    else if (key.toLowerCase() === 'e')
      this.#actions.mark(item, item.status === 'archived' ? 'unarchive' : 'archive');
    else if (key.toLowerCase() === 'u') {
      const woken = item.status === 'snoozed' ? 'unsnooze' : 'unread';
      this.#actions.mark(item, item.status === 'unread' ? 'read' : woken);
    } else if (key.toLowerCase() === 'h' && item.status !== 'archived') {
      const opener = /** @type {HTMLButtonElement} */ (row.querySelector('.more'));
      this.menu(item, opener, true);
    } else return false;
    return true;
  }
}
