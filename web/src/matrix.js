import { element } from './icons.js';

/** @import { ChannelPreferences, Preferences, TypeName, TypeNames } from './inbox-api.js' */
/** @import { Words } from './messages.js' */

/** Channels that can be switched off as a whole. */
const SWITCHED = /** @type {const} */ (['email', 'push']);

/** Channels in the order of the columns; `web` is the bell. */
const COLUMNS = /** @type {const} */ (['web', ...SWITCHED]);

/**
 * Checkboxes of a type, on the channels that it uses.
 * @typedef {{ web: HTMLInputElement, email?: HTMLInputElement, push?: HTMLInputElement }} MatrixRow
 */

/**
 * Table of the notification types that can reach the user, and the channels that these use, with a
 * switch for each channel.
 */
export class Matrix {
  root = element('table', 'matrix');
  /** @type {Preferences} */
  #known;
  #types;
  /** Switches of the channels that are shown. @type {Map<'email' | 'push', HTMLInputElement>} */
  #switches = new Map();
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
    const shown = [...types.values()].filter(({ applies }) => applies !== false);
    const columns = COLUMNS.filter((on) => shown.some((type) => uses(type, on)));
    const head = this.root.createTHead().insertRow();
    head.append(heading('col', words.type), ...columns.map((on) => heading('col', names[on])));
    const body = this.root.createTBody();
    const cell = (/** @type {string} */ name, /** @type {string} */ label) => {
      const input = element('input');
      Object.assign(input, { type: 'checkbox', name, ariaLabel: label });
      return input;
    };
    if (columns.length > 1) {
      const all = body.insertRow();
      all.append(heading('row', words.allTypes), element('td'));
      for (const channel of SWITCHED) {
        if (!columns.includes(channel)) continue;
        const input = cell(channel, `${names[channel]}: ${words.allTypes}`);
        input.role = 'switch';
        input.checked = this.#channel(channel).enabled;
        all.insertCell().append(input);
        this.#switches.set(channel, input);
      }
    }
    for (const type of shown) {
      const { code, name, mandatory } = type;
      const row = body.insertRow();
      const title = heading('row', name);
      if (mandatory) title.append(element('span', 'hint', words.mandatory));
      row.append(title);
      /** @type {Partial<MatrixRow>} */
      const boxes = {};
      for (const channel of columns) {
        const place = row.insertCell();
        if (!uses(type, channel)) continue;
        const input = cell(`${channel} ${code}`, `${name}: ${names[channel]}`);
        const on = channel === 'web' ? !this.#mutes(code) : this.#sends(channel, code);
        input.checked = mandatory || on;
        input.disabled = mandatory;
        place.append(input);
        boxes[channel] = input;
      }
      if (!mandatory) this.#rows.set(code, /** @type {MatrixRow} */ (boxes));
    }
    this.root.onchange = () => this.#update();
    this.root.onkeydown = (event) => this.#key(event);
    this.#update();
  }

  /** True if a type that is shown uses a channel. @param {'email' | 'push'} channel */
  has(channel) {
    return this.#switches.has(channel);
  }

  /**
   * Preferences as they are chosen. What is not shown stays as it is; mutes of types that have
   * become mandatory are dropped, because the hub would refuse them.
   * @returns {Pick<Preferences, 'muted_types' | 'channels'>}
   */
  get value() {
    const rows = [...this.#rows];
    const stays = (/** @type {string} */ code) =>
      !this.#rows.has(code) && !this.#types.get(code)?.mandatory;
    const hidden = this.#known.muted_types.filter(stays);
    const muted = rows.filter(([, boxes]) => !boxes.web.checked).map(([code]) => code);
    const channels = Object.fromEntries(
      SWITCHED.map((channel) => {
        const { enabled, types: known } = this.#channel(channel);
        const others = Object.entries(known).filter(
          ([code]) => stays(code) || (this.#rows.has(code) && !this.#rows.get(code)?.[channel]),
        );
        const off = rows
          .filter(([, boxes]) => boxes[channel]?.checked === false)
          .map(([code]) => [code, false]);
        return [
          channel,
          {
            enabled: this.#switches.get(channel)?.checked ?? enabled,
            types: Object.fromEntries([...others, ...off]),
          },
        ];
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
    for (const boxes of this.#rows.values())
      for (const [channel, { checked }] of this.#switches) {
        const box = boxes[channel];
        if (box) box.disabled = !boxes.web.checked || !checked;
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
 * Returns whether a type uses a channel. Every type is in the bell.
 * @param {TypeName} type
 * @param {'web' | 'email' | 'push'} channel
 */
function uses({ channels }, channel) {
  return channel === 'web' || (channels?.includes(channel) ?? true);
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
