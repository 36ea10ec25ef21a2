import { element } from './icons.js';
import { LazyView } from './lazy-view.js';
import { placePanel } from './place.js';

/** @import { Words } from './messages.js' */
/** @import { View, ViewHost } from './view.js' */

/** Panel of a bell: a dialog in the top layer, which the second module fills. */
export class Panel {
  root = element('div', 'panel');
  /** Attribute `placement` of the bell. @type {string | null} */
  placement = null;
  #host;
  /** @type {HTMLElement} */
  #anchor;
  /** @type {LazyView<View>} */
  #lazy;

  /**
   * @param {Words} words
   * @param {HTMLElement} anchor
   * @param {ViewHost & { shut: () => void, shadow: ShadowRoot }} of
   */
  constructor(words, anchor, of) {
    this.#anchor = anchor;
    this.#host = of;
    this.#lazy = new LazyView(words, {
      make: (module) => new module.View(of),
      shadow: of.shadow,
      announce: of.announce,
      ready: (view) => this.isOpen && view.show(),
    });
    this.root.role = 'dialog';
    this.root.tabIndex = -1;
    this.root.hidden = true;
    this.root.popover = 'manual';
    this.root.onkeydown = (event) => this.#key(event);
    this.root.append(this.#lazy.root);
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** View with the list, once it is loaded. */
  get view() {
    return this.#lazy.part;
  }

  /** Shows the panel with the first page of the list. */
  open() {
    this.root.hidden = false;
    this.root.showPopover();
    addEventListener('resize', this.#place);
    addEventListener('scroll', this.#place, { capture: true, passive: true });
    void this.#lazy.load();
    this.view?.show();
    this.#place();
    this.root.focus();
  }

  /** Hides the panel. */
  close() {
    removeEventListener('resize', this.#place);
    removeEventListener('scroll', this.#place, { capture: true });
    if (this.root.matches(':popover-open')) this.root.hidePopover();
    this.root.hidden = true;
    this.view?.hide();
  }

  /**
   * Changes the language.
   * @param {Words} words
   * @param {string} language
   */
  setLanguage(words, language) {
    this.root.ariaLabel = words.title;
    this.#lazy.setLanguage(words, language);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape') {
      this.view?.key(event);
      return;
    }
    event.stopPropagation();
    if (!this.view?.back()) this.#host.shut();
  }

  #place = () => placePanel(this.root, this.#anchor, this.placement);
}
