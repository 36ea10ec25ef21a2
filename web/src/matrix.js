import { element } from './icons.js';

/** @import { ChannelPreferences, Preferences, TypeNames } from './inbox-api.js' */
/** @import { Words } from './messages.js' */

/** Channels that can be switched off as a whole. */
const SWITCHED = /** @type {const} */ (['email', 'push']);

/** Channels in the order of the columns; `web` is the bell. */
const COLUMNS = /** @type {const} */ (['web', ...SWITCHED]);

/** @typedef {Record<'web' | 'email' | 'push', HTMLInputElement>} MatrixRow */

/** Table of notification types and channels, with a switch for each channel. */
export class Matrix {
  root = element('table', 'matrix');
  /** @type {Preferences} */
  #known;
  #types;
  /** @type {Record<'email' | 'push', HTMLInputElement>} */
  #switches;
  /** Checkboxes by code of the type. @type {Map<string, MatrixRow>} */
  #rows = new Map();

  /**
   * @param {Preferences} known  Stored preferences.
   * @param {TypeNames} types
   * @param {Words} words
   */
  constructor(known, types, words) {
    this.#known = known;
    this.#types = types;
    const names = { web: words.inBell, email: words.email, push: words.push };
    const head = this.root.createTHead().insertRow();
    head.append(heading('col', words.type), ...COLUMNS.map((on) => heading('col', names[on])));
    const body = this.root.createTBody();
    const all = body.insertRow();
    all.append(heading('row', words.allTypes), element('td'));
    const cell = (/** @type {string} */ name, /** @type {string} */ label) => {
      const input = element('input');
      Object.assign(input, { type: 'checkbox', name, ariaLabel: label });
      return input;
    };
    const switchOf = (/** @type {'email' | 'push'} */ channel) => {
      const input = cell(channel, `${names[channel]}: ${words.allTypes}`);
      input.role = 'switch';
      input.checked = this.#channel(channel).enabled;
      all.insertCell().append(input);
      return input;
    };
    this.#switches = { email: switchOf('email'), push: switchOf('push') };
    for (const { code, name, mandatory } of types.values()) {
      const row = body.insertRow();
      const title = heading('row', name);
      if (mandatory) title.append(element('span', 'hint', words.mandatory));
      row.append(title);
      const boxOf = (/** @type {'web' | 'email' | 'push'} */ channel) => {
        const input = cell(`${channel} ${code}`, `${name}: ${names[channel]}`);
        const on = channel === 'web' ? !this.#mutes(code) : this.#sends(channel, code);
        input.checked = mandatory || on;
        input.disabled = mandatory;
        row.insertCell().append(input);
        return input;
      };
      const boxes = { web: boxOf('web'), email: boxOf('email'), push: boxOf('push') };
      if (!mandatory) this.#rows.set(code, boxes);
    }
    this.root.onchange = () => this.#update();
    this.root.onkeydown = (event) => this.#key(event);
    this.#update();
  }

  /**
   * Preferences as they are chosen. Those of types that are not shown stay as they are; those of
   * types that have become mandatory are dropped, because the hub would refuse them.
   * @returns {Pick<Preferences, 'muted_types' | 'channels'>}
   */
  get value() {
    const rows = [...this.#rows];
    const hidden = this.#known.muted_types.filter((code) => !this.#types.has(code));
    const muted = rows.filter(([, boxes]) => !boxes.web.checked).map(([code]) => code);
    const channels = Object.fromEntries(
      SWITCHED.map((channel) => {
        const others = Object.entries(this.#channel(channel).types);
        const types = others
          .filter(([code]) => !this.#types.has(code))
          .concat(
            rows.filter(([, boxes]) => !boxes[channel].checked).map(([code]) => [code, false]),
          );
        const { checked } = this.#switches[channel];
        return [channel, { enabled: checked, types: Object.fromEntries(types) }];
      }),
    );
    return { muted_types: [...hidden, ...muted], channels };
  }

  /**
   * @param {'email' | 'push'} channel
   * @returns {ChannelPreferences}
   */
  #channel(channel) {
    return this.#known.channels?.[channel] ?? { enabled: true, types: {} };
  }

  /** @param {string} code */
  #mutes(code) {
    return this.#known.muted_types.includes(code);
  }

  /**
   * @param {'email' | 'push'} channel
   * @param {string} code
   */
  #sends(channel, code) {
    return this.#channel(channel).types[code] !== false;
  }

  /** Disables choices that have no effect: the channel is off, or the type is muted. */
  #update() {
    for (const boxes of this.#rows.values()) {
      for (const channel of SWITCHED)
        boxes[channel].disabled = !boxes.web.checked || !this.#switches[channel].checked;
    }
  }

  /**
   * Moves the focus with the arrow keys, past what is disabled.
   * @param {KeyboardEvent} event
   */
  #key(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[
      event.key
    ];
    const from = /** @type {HTMLElement} */ (event.target).closest('td');
    if (!step || !from) return;
    event.preventDefault();
    const rtl = getComputedStyle(this.root).direction === 'rtl';
    let [row, column] = [
      /** @type {HTMLTableRowElement} */ (from.parentNode).rowIndex,
      from.cellIndex,
    ];
    for (;;) {
      row += step[0];
      column += rtl ? -step[1] : step[1];
      const cell = this.root.rows[row]?.cells[column];
      if (!cell) return;
      const input = cell.querySelector('input');
      if (!input || input.disabled) continue;
      input.focus();
      return;
    }
  }
}

/**
 * @param {'col' | 'row'} scope
 * @param {string} text
 */
function heading(scope, text) {
  const made = element('th', '', text);
  made.scope = scope;
  return made;
}
