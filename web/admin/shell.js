import { callerName } from './api.js';
import { button, field, h } from './dom.js';
import { icon } from './icons.js';
import { GROUPS, PAGES } from './pages.js';
import { openPalette } from './palette.js';
import { THEMES, TIMES, chooseTheme, chooseTimes, theme, times } from './settings.js';
import { isSignedIn, signOut } from './token.js';
import { LANGUAGES, chooseLanguage, language, t } from './translations.js';

/** Names of the themes and of the time zones. @type {Record<string, string>} */
const NAMES = { auto: 'Automatic', light: 'Light', dark: 'Dark', local: 'Local time', utc: 'UTC' };

/** Frame of the console: side bar, which is a drawer on narrow screens, and settings. */
export class Shell {
  #side = /** @type {HTMLElement} */ (document.getElementById('side'));
  #top = /** @type {HTMLElement} */ (document.getElementById('top'));
  #nav = h('nav', { 'aria-label': t('Pages') });
  #settings = h('div', { class: 'settings' });
  #drawer = h('dialog', { class: 'drawer', 'aria-label': t('Pages') });
  /** Parts that need a sign-in. @type {HTMLElement[]} */
  #inner;
  #reload;
  /** Whether the caller may use the console. */
  isIn = false;

  /** @param {() => void} reload  Loads the page again. */
  constructor(reload) {
    this.#reload = reload;
    const key = /Mac|iP/.test(navigator.platform) ? '⌘K' : 'Ctrl+K';
    const find = (/** @type {Record<string, any>} */ properties) =>
      h('button', {
        type: 'button',
        class: 'find',
        onclick: () => this.#find(),
        'aria-keyshortcuts': 'Control+K Meta+K',
        ...properties,
      });
    const search = find({});
    search.append(icon('search'), h('span', {}, t('Search')), h('kbd', {}, key));
    const small = find({ class: 'find quiet', 'aria-label': t('Search') });
    small.append(icon('search'));
    const menu = h('button', { type: 'button', class: 'quiet', 'aria-label': t('Menu') });
    menu.append(icon('menu'));
    menu.onclick = () => this.#open();
    this.#side.append(brand(), search, this.#nav, this.#settings);
    this.#top.append(menu, brand(), small);
    this.#inner = [search, this.#nav, small];
    document.body.append(this.#drawer);
    this.#drawer.onclose = () => this.#close();
    // A click beside the drawer closes it; so does a link in it.
    this.#drawer.onclick = (/** @type {Event} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (target === this.#drawer || target.closest('a')) this.#drawer.close();
    };
    addEventListener('keydown', (event) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.#find();
    });
  }

  /**
   * Draws the links, with the one of the current page.
   * @param {string} current
   */
  draw(current) {
    const link = (/** @type {string} */ id) => {
      const here = id === current ? 'page' : undefined;
      const one = h('a', { href: `#${id}`, 'aria-current': here }, t(PAGES[id].name));
      one.prepend(icon(id));
      return h('li', {}, one);
    };
    const groups = GROUPS.map(([name, ids]) => {
      const label = h('span', { class: 'group', id: `group-${name}` }, t(name));
      return [label, h('ul', { 'aria-labelledby': label.id }, ...ids.map(link))];
    });
    this.#nav.replaceChildren(...groups.flat());
    this.#show(true);
  }

  /** Draws the frame of somebody who is not signed in: the settings alone. */
  drawSignedOut() {
    this.#show(false);
  }

  /** @param {boolean} isIn */
  #show(isIn) {
    this.isIn = isIn;
    for (const part of this.#inner) part.hidden = !isIn;
    this.#drawSettings();
  }

  #drawSettings() {
    const choose = (
      /** @type {string} */ label,
      /** @type {string[]} */ values,
      /** @type {string} */ selected,
      /** @type {(value: string) => void} */ act,
    ) => {
      const option = (/** @type {string} */ value) =>
        h('option', { value, selected: value === selected }, t(NAMES[value]));
      const select = h('select', {}, ...values.map(option));
      select.onchange = () => act(select.value);
      return field(label, select);
    };
    const languages = Object.entries(LANGUAGES)
      .filter(([code]) => code !== language)
      .map(([code, { name }]) =>
        button(name, () => switchTo(code), { class: 'quiet', lang: code }),
      );
    this.#settings.replaceChildren(
      choose(t('Theme'), THEMES, theme(), chooseTheme),
      choose(t('Times'), TIMES, times(), chooseTimes),
      ...languages,
      ...(this.isIn ? [this.#identity()] : []),
    );
  }

  /** Returns who is signed in, with the way out. */
  #identity() {
    const who = callerName();
    const leave = () => {
      signOut();
      this.#reload();
    };
    const text = who
      ? [t('Signed in as'), ' ', h('strong', {}, who)]
      : [t('Signed in for development')];
    return h(
      'div',
      { class: 'identity' },
      h('p', {}, ...text),
      isSignedIn() ? button(t('Sign out'), leave, { class: 'quiet' }) : null,
    );
  }

  #find() {
    if (!this.isIn) return;
    if (this.#drawer.open) this.#drawer.close();
    // A dialog that is open keeps its place.
    if (!document.querySelector('dialog[open]')) openPalette();
  }

  #open() {
    this.#drawer.append(this.#nav, this.#settings);
    this.#drawer.showModal();
    this.#nav.querySelector('[aria-current]')?.focus();
  }

  #close() {
    this.#side.append(this.#nav, this.#settings);
  }
}

function brand() {
  const image = h('img', { src: '/admin/icon.svg', alt: '', width: 28, height: 28 });
  return h('a', { class: 'brand', href: '#overview' }, image, h('span', {}, 'Lonceng'));
}

/** @param {string} code */
function switchTo(code) {
  chooseLanguage(code);
  location.reload();
}
