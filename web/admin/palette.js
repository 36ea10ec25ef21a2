import { get } from './api.js';
import { h, runAction } from './dom.js';
import { PAGES } from './pages.js';
import { THEMES, TIMES, chooseTheme, chooseTimes, theme, times } from './settings.js';
import { t } from './translations.js';

/** Maximum number of entries that are shown. */
const ENTRIES_MAX = 12;

/** Minimum length of a text that is looked up as a user. */
const USER_FROM = 2;

/** @typedef {{ text: string, kind: string, act: () => void }} Entry */

/** @param {string} hash */
const visit = (hash) => () => {
  location.hash = hash;
};

/**
 * Returns the pages and the actions.
 * @returns {Entry[]}
 */
function fixedEntries() {
  const pages = Object.entries(PAGES)
    .filter(([, page]) => !page.under)
    .map(([id, { name }]) => ({ text: t(name), kind: t('Page'), act: visit(id) }));
  const next = (/** @type {string[]} */ values, /** @type {string} */ current) =>
    values[(values.indexOf(current) + 1) % values.length];
  const actions = [
    { text: t('New type'), act: visit('new-type') },
    { text: t('Import users'), act: visit('directory/import') },
    { text: t('Next theme'), act: () => chooseTheme(next(THEMES, theme())) },
    { text: t('Times in UTC or local time'), act: () => chooseTimes(next(TIMES, times())) },
  ];
  return [...pages, ...actions.map((action) => ({ ...action, kind: t('Action') }))];
}

/** Command palette: pages, types, users by ID, and actions. */
class Palette {
  #dialog = h('dialog', { class: 'palette', 'aria-label': t('Search') });
  #input = h('input', {
    type: 'search',
    role: 'combobox',
    placeholder: t('Page, type, user or action'),
    'aria-label': t('Search'),
    'aria-expanded': 'true',
    'aria-controls': 'palette-list',
    'aria-autocomplete': 'list',
    autocomplete: 'off',
  });
  #list = h('ul', { role: 'listbox', id: 'palette-list', 'aria-label': t('Results') });
  /** @type {Entry[]} */
  #all = fixedEntries();
  /** @type {Entry[]} */
  #shown = [];
  #at = 0;
  /** Number of the latest look-up: an earlier one may be answered after it. */
  #latest = 0;

  open() {
    this.#dialog.append(this.#input, this.#list);
    this.#dialog.onclose = () => this.#dialog.remove();
    this.#dialog.onclick = (/** @type {Event} */ event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    };
    this.#input.oninput = () => void runAction(() => this.#search());
    this.#input.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#show('', []);
    void runAction(() => this.#addTypes());
  }

  async #addTypes() {
    const { types } = await get('types');
    const entry = (/** @type {any} */ { code, display_name: name }) => ({
      text: `${code} · ${name}`,
      kind: t('Type'),
      act: visit(`types/${encodeURIComponent(code)}`),
    });
    this.#all.push(...types.map(entry));
    await this.#search();
  }

  async #search() {
    this.#latest += 1;
    const latest = this.#latest;
    const wanted = this.#input.value.trim();
    this.#show(wanted, []);
    if (wanted.length < USER_FROM) return;
    const { users } = await get('directory', { q: wanted, limit: '5' });
    if (latest !== this.#latest) return;
    const entry = (/** @type {any} */ { user_id: id, name, login }) => ({
      text: [id, name ?? login].filter(Boolean).join(' · '),
      kind: t('User'),
      act: visit(`inbox/${encodeURIComponent(id)}`),
    });
    const found = users.map(entry);
    // A user who is not in the directory can have an inbox too.
    if (!users.some((/** @type {any} */ user) => user.user_id === wanted))
      found.push({
        text: t('Open the inbox of the user ID “{id}”', { id: wanted }),
        kind: t('not in the directory'),
        act: visit(`inbox/${encodeURIComponent(wanted)}`),
      });
    this.#show(wanted, found);
  }

  /**
   * @param {string} wanted
   * @param {Entry[]} users
   */
  #show(wanted, users) {
    const words = wanted.toLowerCase().split(/\s+/);
    const matches = ({ text = '' }) => words.every((word) => text.toLowerCase().includes(word));
    const found = this.#all.filter(matches).slice(0, ENTRIES_MAX - users.length);
    this.#shown = [...found, ...users];
    const option = ({ text = '', kind = '' }, /** @type {number} */ index) =>
      h(
        'li',
        { role: 'option', id: `palette-${index}`, onclick: () => this.#choose(index) },
        h('span', {}, text),
        h('small', {}, kind),
      );
    this.#list.replaceChildren(...this.#shown.map(option));
    this.#move(0);
  }

  /** @param {number} to */
  #move(to) {
    const { length } = this.#shown;
    this.#at = length ? (to + length) % length : 0;
    [...this.#list.children].forEach((option, index) => {
      option.setAttribute('aria-selected', String(index === this.#at));
      if (index === this.#at) option.scrollIntoView({ block: 'nearest' });
    });
    if (length) this.#input.setAttribute('aria-activedescendant', `palette-${this.#at}`);
    else this.#input.removeAttribute('aria-activedescendant');
  }

  /** @param {number} index */
  #choose(index) {
    const entry = this.#shown[index];
    if (!entry) return;
    this.#dialog.close();
    entry.act();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === 'ArrowDown') this.#move(this.#at + 1);
    else if (event.key === 'ArrowUp') this.#move(this.#at - 1);
    else if (event.key === 'Enter') this.#choose(this.#at);
    // The browser would clear the field first.
    else if (event.key === 'Escape') this.#dialog.close();
    else return;
    event.preventDefault();
  }
}

/** Opens the command palette. */
export function openPalette() {
  new Palette().open();
}
