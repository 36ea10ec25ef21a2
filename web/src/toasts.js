import { counted } from './messages.js';
import { button, element, icon } from './icons.js';
import { safeUrl } from './links.js';
import { actionsOf, staysHere } from './actions.js';
import { avatarOf } from './avatar.js';
import { messageOf } from './rich.js';

/** @import { Choice } from './host-element.js' */
/** @import { Notification } from './inbox.js' */
/** @import { Words } from './messages.js' */

/** Time for which a toast is shown, in milliseconds. HIGH stays until it is dismissed. */
const STAYS = { LOW: 4_000, MEDIUM: 7_000, HIGH: Infinity };

/** Duration of the closing animation, in milliseconds. */
const LEAVING = 200;

/**
 * Interface from the toasts to their element.
 *
 * @typedef {object} ToastsHost
 * @property {(item: Notification, leaving: boolean, choice?: Choice) => boolean} click  Reports a
 *   click. Returns false to stay on the page.
 * @property {() => void} open  Opens the list.
 */

/**
 * Toasts of an element, newest last: a maximum number, and one line that counts the rest and opens the
 * panel.
 */
export class Toasts {
  /** @type {HTMLElement} */
  #box;
  /** @type {Words} */
  words;
  /** Maximum number of toasts shown at once. */
  most = 3;
  /** @type {ToastsHost} */
  #host;
  /** @type {HTMLElement | null} */
  #rest = null;
  /** IDs of notifications that are counted and not shown. @type {Set<string>} */
  #hidden = new Set();
  /** Number of counted notifications without known IDs. */
  #unknown = 0;
  #urgent = false;

  /**
   * @param {HTMLElement} box
   * @param {Words} words
   * @param {ToastsHost} of
   */
  constructor(box, words, of) {
    this.#box = box;
    this.words = words;
    this.#host = of;
    box.popover = 'manual';
    for (const name of ['mouseenter', 'focusin'])
      box.addEventListener(name, () => this.#hold(true));
    for (const name of ['mouseleave', 'focusout'])
      box.addEventListener(name, () => this.#hold(false));
  }

  /**
   * Shows a notification.
   * @param {Notification} notification
   */
  show(notification) {
    const urgent = notification.priority === 'HIGH';
    this.#replace(notification.notification_id);
    if (this.#toasts().length >= this.most) {
      // An urgent toast replaces the oldest one that is not.
      const gives = urgent
        ? this.#toasts().find((toast) => !toast.classList.contains('high'))
        : undefined;
      this.#count(gives?.dataset.id ?? notification.notification_id, urgent && !gives);
      if (!gives) return;
      this.#stays.delete(gives);
      gives.remove();
    }
    const toast = this.#make(notification);
    this.#add(toast);
    this.#leaveLater(toast, STAYS[notification.priority]);
  }

  /** @param {Notification} notification */
  #make(notification) {
    const toast = element('div', 'toast');
    toast.classList.add(notification.priority.toLowerCase());
    toast.dataset.id = notification.notification_id;
    const url = safeUrl(notification.action_url);
    const title = url
      ? element('a', 'title', notification.title)
      : element('strong', 'title', notification.title);
    title.dir = 'auto';
    const press = (/** @type {MouseEvent} */ event, /** @type {Choice} */ choice) => {
      // The right button opens the menu of the browser.
      if (event.button > 1) return;
      const leaving = Boolean(choice.url) && staysHere(event);
      if (!this.#host.click(notification, leaving, choice)) event.preventDefault();
      this.#leave(toast);
    };
    const click = (/** @type {MouseEvent} */ event) => press(event, { url });
    if (title instanceof HTMLAnchorElement) {
      title.href = url ?? '';
      title.onclick = title.onauxclick = click;
    } else toast.onclick = click;
    const text = messageOf(notification, (event, link) => {
      event.stopPropagation();
      press(event, { url: link });
    });
    const picture = notification.icon ? avatarOf(notification) : icon('bell');
    toast.append(picture, title, this.#dismiss(toast), text);
    const actions = actionsOf(notification, this.words, (item, leaving, choice) => {
      const follow = this.#host.click(item, leaving, choice);
      this.#leave(toast);
      return follow;
    });
    if (actions) toast.append(actions);
    return toast;
  }

  /**
   * Removes the toast of a notification that is shown again.
   * @param {string} id
   */
  #replace(id) {
    for (const toast of this.#toasts()) {
      if (toast.dataset.id !== id) continue;
      clearTimeout(this.#stays.get(toast)?.timer);
      this.#stays.delete(toast);
      toast.remove();
    }
    if (this.#hidden.delete(id)) this.#sumUp();
  }

  /** IDs of the notifications that are shown or counted. */
  get shown() {
    return [...this.#toasts().map((toast) => toast.dataset.id ?? ''), ...this.#hidden];
  }

  /**
   * Removes the toast of a notification that was read elsewhere.
   * @param {string} id
   */
  forget(id) {
    for (const toast of this.#toasts()) if (toast.dataset.id === id) this.#leave(toast);
    if (this.#hidden.delete(id)) this.#sumUp();
  }

  /** Removes all toasts. */
  clear() {
    for (const { timer } of this.#stays.values()) clearTimeout(timer);
    this.#stays.clear();
    this.#box.replaceChildren();
    this.#noRest();
    this.#tidy();
  }

  /**
   * Adds notifications to the line that counts the rest.
   * @param {number} n
   */
  count(n) {
    this.#unknown += n;
    this.#sumUp();
  }

  #toasts() {
    return [
      .../** @type {NodeListOf<HTMLElement>} */ (
        this.#box.querySelectorAll('.toast:not(.rest, .leaving)')
      ),
    ];
  }

  /**
   * @param {string} id
   * @param {boolean} urgent
   */
  #count(id, urgent) {
    this.#hidden.add(id);
    this.#urgent ||= urgent;
    this.#sumUp();
  }

  #sumUp() {
    const n = this.#hidden.size + this.#unknown;
    if (n === 0) {
      if (this.#rest) this.#leave(this.#rest);
      return;
    }
    if (!this.#rest) {
      this.#rest = element('div', 'toast');
      this.#rest.classList.add('rest', 'low');
      const all = button('title', '', () => this.#host.open());
      this.#rest.append(icon('bell'), all, this.#dismiss(this.#rest));
    }
    /** @type {HTMLElement} */ (this.#rest.querySelector('.title')).textContent = counted(
      this.words,
      'more',
      n,
    );
    this.#add(this.#rest);
    this.#leaveLater(this.#rest, this.#urgent ? STAYS.HIGH : STAYS.MEDIUM);
  }

  /** @param {HTMLElement} toast */
  #add(toast) {
    // The line that counts the rest is the last.
    this.#box.insertBefore(toast, toast === this.#rest ? null : this.#rest);
    if (!this.#box.matches(':popover-open')) this.#box.showPopover();
  }

  /** @param {HTMLElement} toast */
  #dismiss(toast) {
    const close = button('x', '', () => this.#leave(toast));
    close.ariaLabel = this.words.dismiss;
    close.append(icon('cross'));
    // The press does not click the toast.
    close.addEventListener('click', (event) => event.stopPropagation());
    return close;
  }

  /**
   * Duration and timer of each toast.
   * @type {Map<HTMLElement, { stays: number, timer?: ReturnType<typeof setTimeout> }>}
   */
  #stays = new Map();
  #held = false;

  /**
   * @param {HTMLElement} toast
   * @param {number} stays
   */
  #leaveLater(toast, stays) {
    clearTimeout(this.#stays.get(toast)?.timer);
    const timer =
      this.#held || stays === Infinity ? undefined : setTimeout(() => this.#leave(toast), stays);
    this.#stays.set(toast, { stays, timer });
  }

  /**
   * Keeps the toasts while the pointer or the focus is on them.
   * @param {boolean} held
   */
  #hold(held) {
    this.#held = held;
    for (const [toast, { stays, timer }] of this.#stays) {
      clearTimeout(timer);
      if (!held) this.#leaveLater(toast, stays);
    }
  }

  #noRest() {
    this.#rest = null;
    this.#hidden.clear();
    this.#unknown = 0;
    this.#urgent = false;
  }

  /** @param {HTMLElement} toast */
  #leave(toast) {
    clearTimeout(this.#stays.get(toast)?.timer);
    this.#stays.delete(toast);
    if (toast === this.#rest) this.#noRest();
    toast.classList.add('leaving');
    setTimeout(() => {
      toast.remove();
      this.#tidy();
    }, LEAVING);
  }

  #tidy() {
    // The toast with the pointer or the focus may be gone.
    if (this.#held && !this.#box.matches(':hover, :focus-within')) this.#hold(false);
    if (!this.#box.childElementCount && this.#box.matches(':popover-open')) this.#box.hidePopover();
  }
}
