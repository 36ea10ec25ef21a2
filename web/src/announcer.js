import { element } from './icons.js';

/** Delay between two announcements in milliseconds, so that both are read. */
const GAP = 700;

/** Delay between emptying a live region and filling it, in milliseconds. */
const REFILL_DELAY = 50;

/** Live regions that announce texts to screen readers. */
export class Announcer {
  /** Announced when the screen reader is idle. */
  polite = element('div', 'said');
  /** Announced at once. */
  urgent = element('div', 'said');
  /** @type {string[]} */
  #waiting = [];
  #busy = false;

  constructor() {
    // Live regions are in the page and empty first: one that appears with its text is not read.
    this.polite.role = 'status';
    this.urgent.role = 'alert';
  }

  /**
   * @param {string} text
   * @param {boolean} [urgent]
   */
  announce(text, urgent = false) {
    if (urgent) {
      fill(this.urgent, text);
      return;
    }
    this.#waiting.push(text);
    if (!this.#busy) this.#next();
  }

  #next() {
    const text = this.#waiting.shift();
    this.#busy = text !== undefined;
    if (text === undefined) return;
    fill(this.polite, text);
    setTimeout(() => this.#next(), GAP);
  }
}

/**
 * Fills a live region. A repeated text is read again only if the region was empty in between.
 * @param {HTMLElement} region
 * @param {string} text
 */
function fill(region, text) {
  region.textContent = '';
  setTimeout(() => (region.textContent = text), REFILL_DELAY);
}
