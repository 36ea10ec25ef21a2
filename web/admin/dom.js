import { t } from './words.js';

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Makes an element. A property whose name begins with `on` is a listener; one with a dash, `role` or `class` is an attribute.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...Child} children  Text is text, never HTML.
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name.includes('-') || ['class', 'role', 'for', 'list'].includes(name)) element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  return fill(element, ...children);
}

/** Puts these into an element, in the place of what was there; what is nothing is left out. @param {any} element @param {...Child} children */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => child || ''));
  return element;
}

/** A label around a control. @param {string} text @param {HTMLElement} control @param {string} [hint] */
export function field(text, control, hint) {
  return h('label', { class: 'field' }, h('span', {}, text), control, hint ? h('small', {}, hint) : null);
}

/** A time as people say it. @param {string | null} time */
export function when(time) {
  if (!time) return '';
  const date = new Date(time);
  return h('time', { dateTime: time, title: time }, date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));
}

/** A table. @param {string} name @param {string[]} heads @param {Node[]} rows @param {string} empty */
export function table(name, heads, rows, empty) {
  if (!rows.length) return h('p', { class: 'empty' }, empty);
  return h('div', { class: 'scroll', role: 'region', 'aria-label': name, tabIndex: 0 },
    h('table', {}, h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, ...rows)));
}

const place = /** @type {HTMLElement} */ (document.getElementById('said'));

/**
 * Asks before what has been typed in a dialog is thrown away. Closes it, as its button does.
 * @param {HTMLDialogElement} dialog
 * @param {() => unknown} draft  What is typed, now.
 * @returns {() => void}
 */
export function guarded(dialog, draft) {
  const before = JSON.stringify(draft());
  const close = () => {
    if (JSON.stringify(draft()) === before || confirm(t('Throw your changes away?'))) dialog.close();
  };
  dialog.oncancel = (event) => {
    event.preventDefault();
    close();
  };
  // Browsers close a dialog at a second Escape, whatever the page says to the first.
  dialog.onkeydown = (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    close();
  };
  return close;
}

/** Says what has happened, to the eye and to a screen reader. @param {string} text @param {boolean} [bad] */
export function say(text, bad = false) {
  // A modal dialog lies over everything else, and makes it silent.
  const host = document.querySelector('dialog[open]') ?? document.body;
  if (place.parentElement !== host) host.append(place);
  place.className = bad ? 'bad' : '';
  place.textContent = text;
  clearTimeout(Number(place.dataset.timer));
  place.dataset.timer = String(setTimeout(() => (place.textContent = ''), bad ? 12_000 : 5_000));
}

/** Does something, and says what went wrong. @param {() => Promise<void>} act */
export async function trying(act) {
  try {
    await act();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), true);
  }
}
