import { acting } from './acting.js';
import { timeText } from './settings.js';
import { t } from './translations.js';

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Creates an element. Properties that begin with `on` are listeners; those with a dash, `role` and
 * `class` are attributes.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...Child} children  Strings become text, never HTML.
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name.includes('-') || ['class', 'role', 'for', 'list'].includes(name))
      element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  return fill(element, ...children);
}

/**
 * Replaces the children of an element; empty ones are left out.
 * @param {any} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map((child) => child || ''),
  );
  return element;
}

/**
 * Returns a note about hubs that did not answer, if there are any.
 * @param {string[] | undefined} hubs
 */
export function incompleteNote(hubs) {
  if (!hubs?.length) return null;
  const text = t('No answer from: {hubs}. What they have is missing here.', {
    hubs: hubs.join(', '),
  });
  return h('p', { class: 'alert' }, text);
}

/**
 * Returns a button that runs an action and shows its error.
 * @param {string} text
 * @param {() => unknown} act
 * @param {Record<string, any>} [properties]
 * @returns {HTMLButtonElement}
 */
export function button(text, act, properties = {}) {
  const onclick = () => void runAction(async () => void (await act()));
  return h('button', { type: 'button', onclick, ...properties }, text);
}

/**
 * Returns a choice.
 * @param {string[]} values
 * @param {string} selected
 * @param {Record<string, any>} [properties]
 * @param {(value: string) => string} [named]
 * @returns {HTMLSelectElement}
 */
export function choice(values, selected, properties = {}, named = String) {
  const option = (/** @type {string} */ value) =>
    h('option', { value, selected: value === selected }, named(value));
  return h('select', properties, ...values.map(option));
}

/**
 * Returns a table row. A cell is a `td`, or the children of one.
 * @param {...any} cells
 * @returns {HTMLTableRowElement}
 */
export function tr(...cells) {
  const cell = (/** @type {any} */ content) =>
    content instanceof HTMLTableCellElement ? content : h('td', {}, ...[content].flat());
  return h('tr', {}, ...cells.map(cell));
}

/**
 * Returns the parts of a comma-separated text.
 * @param {string} text
 */
export function split(text) {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}

/**
 * Returns a label around a control.
 * @param {string} text
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function field(text, control, hint) {
  return h(
    'label',
    { class: 'field' },
    h('span', {}, text),
    control,
    hint ? h('small', {}, hint) : null,
  );
}

/**
 * Returns a list of suggestions for an input, which refers to it by its ID.
 * @param {string} id
 * @param {Iterable<string>} values
 */
export function suggestions(id, values) {
  const options = [...new Set(values)].map((value) => h('option', { value }));
  return h('datalist', { id }, ...options);
}

/**
 * Returns a `time` element.
 * @param {string | null} time
 */
export function when(time) {
  if (!time) return '';
  return h('time', { dateTime: time, title: time }, timeText(time));
}

/**
 * Returns a table, or a note if it has no rows. On a narrow screen each row is a card, in which each
 * value has the head of its column as label.
 * @param {string} name
 * @param {string[]} heads
 * @param {HTMLElement[]} rows
 * @param {string} empty
 */
export function table(name, heads, rows, empty) {
  if (!rows.length) return h('p', { class: 'empty' }, empty);
  const head = (/** @type {string} */ text) =>
    h('th', { scope: 'col', role: 'columnheader' }, text);
  // The roles stay when the style sheet makes cards of the rows.
  const element = h(
    'table',
    { role: 'table' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads.map(head))),
    h('tbody', { role: 'rowgroup' }),
  );
  addRows(element, rows);
  return h('div', { class: 'scroll', role: 'region', 'aria-label': name, tabIndex: 0 }, element);
}

/**
 * Adds rows to a table.
 * @param {ParentNode} place  The table, or an element around it.
 * @param {HTMLElement[]} rows
 */
export function addRows(place, rows) {
  for (const row of rows) labelRow(place, row);
  place.querySelector('tbody')?.append(...rows);
}

/**
 * Labels the cells of a row with the heads of its table.
 * @param {ParentNode} place  The table, or an element around it.
 * @param {HTMLElement} row
 */
export function labelRow(place, row) {
  const heads = [...place.querySelectorAll('th')].map((head) => head.textContent ?? '');
  row.setAttribute('role', 'row');
  [...row.children].forEach((cell, index) => {
    cell.setAttribute('role', 'cell');
    cell.setAttribute('data-label', heads[index] ?? '');
  });
}

const place = /** @type {HTMLElement} */ (document.getElementById('said'));

/**
 * Returns a function that closes a dialog, and asks first if its content has changed.
 * @param {HTMLDialogElement} dialog
 * @param {() => unknown} draft  Returns the current content.
 * @returns {() => void}
 */
export function guardClose(dialog, draft) {
  const before = JSON.stringify(draft());
  const close = () => {
    if (JSON.stringify(draft()) === before || confirm(t('Discard your changes?'))) dialog.close();
  };
  dialog.oncancel = (event) => {
    event.preventDefault();
    close();
  };
  // Browsers close a dialog at a second Escape even if the first one was cancelled.
  dialog.onkeydown = (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    close();
  };
  return close;
}

/**
 * Shows and announces a message.
 * @param {string} text
 * @param {boolean} [bad]
 * @param {{ href: string, text: string }} [link]  Link behind the message.
 */
export function announce(text, bad = false, link) {
  // A modal dialog covers and mutes everything outside.
  const host = document.querySelector('dialog[open]') ?? document.body;
  if (place.parentElement !== host) host.append(place);
  place.className = bad ? 'bad' : '';
  place.textContent = text;
  if (link) place.append(' ', h('a', { href: link.href }, link.text));
  clearTimeout(Number(place.dataset.timer));
  const time = bad || link ? 12_000 : 5_000;
  place.dataset.timer = String(setTimeout(() => (place.textContent = ''), time));
}

/**
 * Runs an action and shows its error.
 * @param {() => Promise<void>} act
 */
export async function runAction(act) {
  try {
    await acting(act);
  } catch (error) {
    announce(error instanceof Error ? error.message : String(error), true);
  }
}
