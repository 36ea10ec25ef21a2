import { filled } from './messages.js';
import { element, icon, safeUrl } from './icons.js';

/** @typedef {import('./inbox.js').Notification} Notification */

/** Milliseconds a toast stays. HIGH stays until it is dismissed. */
const STAYS = { LOW: 4_000, MEDIUM: 7_000, HIGH: Infinity };

/** Toasts on the screen at once; what is more is counted. */
const TOASTS_MAX = 3;

/**
 * The toasts of a bell, newest last.
 */
export class Toasts {
  /** @type {HTMLElement} */
  #box;
  /** @type {import('./messages.js').Words} */
  words;
  /** @type {(notification: Notification, follow: boolean) => boolean} */
  #act;
  /** @type {HTMLElement | null} */
  #rest = null;
  #hidden = 0;

  /**
   * @param {HTMLElement} box
   * @param {import('./messages.js').Words} words
   * @param {(notification: Notification, follow: boolean) => boolean} act  Follows or dismisses; false keeps the page.
   */
  constructor(box, words, act) {
    this.#box = box;
    this.words = words;
    this.#act = act;
  }

  /** Shows a notification. @param {Notification} notification */
  show(notification) {
    const important = notification.priority === 'HIGH';
    if (this.#box.querySelectorAll('.toast:not(.rest)').length >= TOASTS_MAX && !important) {
      this.count(1);
      return;
    }
    const toast = element('div', 'toast');
    toast.classList.add(notification.priority.toLowerCase());
    toast.dataset.id = notification.notification_id;
    const text = element('p');
    text.append(element('strong', '', notification.title), `: ${notification.message}`);
    const close = element('button', 'x');
    close.type = 'button';
    close.ariaLabel = this.words.dismiss;
    close.append(icon('cross'));
    close.onclick = () => this.#leave(toast);
    toast.append(icon('bell'), text, close);
    const url = safeUrl(notification.action_url);
    if (url) toast.append(this.#action(notification, url, toast));
    this.#box.append(toast);
    this.#leaveLater(toast, STAYS[notification.priority]);
  }

  /** The notifications that are shown. */
  get shown() {
    const toasts = /** @type {NodeListOf<HTMLElement>} */ (this.#box.querySelectorAll('.toast'));
    return [...toasts].map((toast) => toast.dataset.id).filter((id) => id !== undefined);
  }

  /** Takes the toast of a notification away: it has been read elsewhere. @param {string} id */
  forget(id) {
    for (const toast of /** @type {NodeListOf<HTMLElement>} */ (this.#box.querySelectorAll('.toast'))) {
      if (toast.dataset.id === id) this.#leave(toast);
    }
  }

  /** Takes all away. */
  clear() {
    this.#box.replaceChildren();
    this.#rest = null;
    this.#hidden = 0;
  }

  /** @param {Notification} notification @param {string} url @param {HTMLElement} toast */
  #action(notification, url, toast) {
    const actions = element('div', 'actions');
    const link = element('a', 'quiet', this.words.open);
    link.href = url;
    link.onclick = (event) => {
      if (!this.#act(notification, true)) event.preventDefault();
      this.#leave(toast);
    };
    actions.append(link);
    return actions;
  }

  /** Somebody who points at a toast or stands in it is reading it. @param {HTMLElement} toast @param {number} stays */
  #leaveLater(toast, stays) {
    if (stays === Infinity) return;
    let timer = setTimeout(() => this.#leave(toast), stays);
    const wait = () => clearTimeout(timer);
    const go = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#leave(toast), stays / 2);
    };
    toast.onmouseenter = wait;
    toast.onmouseleave = go;
    toast.addEventListener('focusin', wait);
    toast.addEventListener('focusout', go);
  }

  /** Counts what is not shown one by one. @param {number} n */
  count(n) {
    this.#hidden += n;
    if (!this.#rest?.isConnected) {
      this.#rest = element('div', 'toast');
      this.#rest.classList.add('rest', 'low');
      this.#rest.append(icon('bell'), element('p'));
      this.#box.append(this.#rest);
    }
    const text = /** @type {HTMLElement} */ (this.#rest.querySelector('p'));
    text.textContent = filled(this.words.more, { n: this.#hidden });
    this.#leaveLater(this.#rest, STAYS.MEDIUM);
  }

  /** @param {HTMLElement} toast */
  #leave(toast) {
    if (toast === this.#rest) {
      this.#rest = null;
      this.#hidden = 0;
    }
    toast.classList.add('leaving');
    setTimeout(() => toast.remove(), 200);
  }
}
