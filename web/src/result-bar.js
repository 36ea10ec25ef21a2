import { button, element } from './icons.js';

/** Time for which a result and its undo are shown, in milliseconds. */
const SHOWN_FOR = 8_000;

/** Bar with the result of an action, and an undo. */
export class ResultBar {
  root = element('div', 'bar');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * Shows a result.
   * @param {string} text
   * @param {string} label  Label of the undo.
   * @param {() => void} [undo]
   */
  show(text, label, undo) {
    clearTimeout(this.#timer);
    this.root.replaceChildren(element('span', '', text));
    if (undo) {
      this.root.append(
        button('quiet', label, () => {
          this.hide();
          undo();
        }),
      );
    }
    this.#timer = setTimeout(() => this.hide(), SHOWN_FOR);
  }

  /** Hides the result. */
  hide() {
    clearTimeout(this.#timer);
    this.root.replaceChildren();
  }
}
