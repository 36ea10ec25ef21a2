import { filled } from './messages.js';
import { clock, snoozeEnds } from './time.js';
import { button, element } from './icons.js';

/** @import { Mark, Notification } from './inbox.js' */
/** @import { ListActions } from './list.js' */
/** @import { Words } from './messages.js' */

/** Menu of a row. */
export class RowMenu {
  /** @type {ListActions} */
  #actions;
  /** @type {HTMLElement | null} */
  #menu = null;

  /** @param {ListActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /**
   * Returns true if the menu is open in a row.
   * @param {HTMLElement} row
   */
  isIn(row) {
    return row.contains(this.#menu);
  }

  /**
   * Opens the menu; a second time closes it.
   * @param {Notification} item
   * @param {HTMLButtonElement} opener
   * @param {Words} words
   * @param {string} language
   * @param {boolean} [snoozeOnly]  True to offer the ends of a snooze alone.
   */
  open(item, opener, words, language, snoozeOnly = false) {
    const was = this.#menu;
    this.close();
    if (was?.previousElementSibling === opener) return;
    const menu = element('div', 'menu');
    menu.role = 'menu';
    const add = (/** @type {string} */ text, /** @type {() => void} */ act) => {
      const entry = button('entry', text, () => {
        this.close();
        opener.focus();
        act();
      });
      entry.role = 'menuitem';
      entry.tabIndex = -1;
      menu.append(entry);
    };
    if (!snoozeOnly)
      for (const [mark, text] of marksOf(item, words))
        add(text, () => this.#actions.mark(item, mark));
    if (item.status !== 'archived') this.#addSnooze(item, add, words, language);
    if (!snoozeOnly) {
      add(words.remove, () => this.#actions.mark(item, 'delete'));
      const type = this.#actions.muteName(item);
      if (type) add(filled(words.mute, { type }), () => this.#actions.mute(item));
    }
    menu.onkeydown = (event) => this.#key(event, menu, opener);
    menu.addEventListener('focusout', (event) => {
      if (!menu.contains(/** @type {Node | null} */ (event.relatedTarget))) this.close();
    });
    opener.after(menu);
    opener.ariaExpanded = 'true';
    this.#menu = menu;
    menu.scrollIntoView({ block: 'nearest' });
    /** @type {HTMLElement} */ (menu.firstElementChild).focus();
  }

  /** Closes the menu. */
  close() {
    const menu = this.#menu;
    this.#menu = null;
    if (!menu) return;
    if (menu.previousElementSibling) menu.previousElementSibling.ariaExpanded = 'false';
    menu.remove();
    // Draws changes that waited for the menu.
    queueMicrotask(() => this.#actions.redraw());
  }

  /**
   * @param {Notification} item
   * @param {(text: string, act: () => void) => void} add
   * @param {Words} words
   * @param {string} language
   */
  #addSnooze(item, add, words, language) {
    const { hour, tomorrow, week } = snoozeEnds(Date.now());
    const snooze = (/** @type {string} */ text, /** @type {Date} */ until) =>
      add(filled(text, { time: clock(until, language) }), () => this.#actions.snooze(item, until));
    snooze(words.snoozeHour, hour);
    snooze(words.snoozeTomorrow, tomorrow);
    snooze(words.snoozeWeek, week);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement} menu
   * @param {HTMLElement} opener
   */
  #key(event, menu, opener) {
    event.stopPropagation();
    const entries = /** @type {HTMLElement[]} */ ([...menu.children]);
    const root = /** @type {ShadowRoot} */ (menu.getRootNode());
    const at = entries.indexOf(/** @type {HTMLElement} */ (root.activeElement));
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
      this.close();
    }
  }
}

/**
 * Returns the marks that change a notification, with their texts.
 * @param {Notification} item
 * @param {Words} words
 * @returns {[Mark, string][]}
 */
function marksOf({ status }, words) {
  if (status === 'snoozed')
    return [
      ['unsnooze', words.unsnooze],
      ['archive', words.archive],
    ];
  return [
    status === 'unread' ? ['read', words.markRead] : ['unread', words.markUnread],
    status === 'archived' ? ['unarchive', words.unarchive] : ['archive', words.archive],
  ];
}
