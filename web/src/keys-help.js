import { button, element, icon } from './icons.js';

/** @import { Words } from './messages.js' */

/** List of the keys, over the list of notifications. */
export class KeysHelp {
  root = element('div', 'keys');
  #close;

  /** @param {() => void} close  Called by its button. */
  constructor(close) {
    this.#close = button('x', '', close);
    this.#close.append(icon('cross'));
    this.root.role = 'region';
    this.root.tabIndex = -1;
    this.root.hidden = true;
  }

  /** @param {Words} words */
  setWords(words) {
    this.root.ariaLabel = words.keys;
    this.#close.ariaLabel = words.close;
    const list = element('dl');
    /** @type {[string[], string][]} */
    const keys = [
      [['↓', '↑', 'J', 'K'], words.keyMove],
      [['Enter'], words.keyOpen],
      [['E'], words.archive],
      [['U'], words.keyRead],
      [['H'], words.keySnooze],
      [['Shift+F10'], words.keyMenu],
      [['/'], words.search],
      [['?'], words.keys],
      [['Esc'], words.keyClose],
    ];
    for (const [names, text] of keys) {
      const term = element('dt');
      term.append(...names.map((name) => element('kbd', '', name)));
      const pair = element('div');
      pair.append(term, element('dd', '', text));
      list.append(pair);
    }
    const head = element('div', 'keys-head');
    head.append(element('strong', '', words.keys), this.#close);
    this.root.replaceChildren(head, list);
  }
}
