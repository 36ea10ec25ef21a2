import { ARABIC } from './bell-arabic.js';
import { LANGUAGES, WORDS } from './words.js';

/** Key of the reader's choices in the local storage. */
const KEY = 'lonceng demo';

/** Themes; the last ones are sets of tokens in demo.css. @type {Record<string, string>} */
const THEMES = { auto: 'Automatic', light: 'Light', dark: 'Dark', ocean: 'Ocean', clay: 'Clay' };

/** Elements of the hub, which get the language and the theme of the page. */
const ELEMENTS = 'lonceng-bell, lonceng-inbox, lonceng-toasts, lonceng-preferences';

/** @returns {{ language?: string, theme?: string }} */
function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    return {};
  }
}

const asked = new URLSearchParams(location.search).get('lang');
const ofBrowser = navigator.language.startsWith('id') ? 'id' : 'en';
const choice = {
  language: asked && asked in LANGUAGES ? asked : (stored().language ?? ofBrowser),
  theme: stored().theme ?? 'auto',
};

/**
 * Translates a text of these pages.
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 */
export function t(text, values = {}) {
  const translated = WORDS[choice.language]?.[text] ?? text;
  return translated.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/**
 * Gives an element a text that follows the language of the page.
 * @param {Element} element
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 */
export function say(element, text, values = {}) {
  const { dataset } = /** @type {HTMLElement} */ (element);
  dataset.t = text;
  dataset.values = JSON.stringify(values);
  element.textContent = t(text, values);
}

/**
 * Translates what is marked with `data-t` and `data-t-label` within a node.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll('[data-t]')))
    say(
      element,
      element.dataset.t || (element.textContent ?? ''),
      JSON.parse(element.dataset.values ?? '{}'),
    );
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (
    root.querySelectorAll('[data-t-label]')
  )) {
    element.dataset.tLabel ||= element.getAttribute('aria-label') ?? '';
    element.setAttribute('aria-label', t(element.dataset.tLabel));
  }
}

/** Theme that the elements are told; automatic ones follow the system. */
const elementTheme = () => (['light', 'dark'].includes(choice.theme) ? choice.theme : null);

/**
 * Gives the hub's elements the language and the theme of the page.
 * @param {ParentNode} root
 */
export function dress(root) {
  for (const element of root.querySelectorAll(ELEMENTS)) {
    element.setAttribute('lang', choice.language);
    const own = choice.language === 'ar' ? ARABIC : null;
    if (own || 'dictionary' in element) /** @type {any} */ (element).dictionary = own;
    const theme = elementTheme();
    if (theme) element.setAttribute('theme', theme);
    else element.removeAttribute('theme');
  }
}

/** Applies the choices to the page. */
function apply() {
  const { documentElement: page } = document;
  page.lang = choice.language;
  page.dir = choice.language === 'ar' ? 'rtl' : 'ltr';
  page.dataset.theme = choice.theme;
  translate(document);
  dress(document);
}

/**
 * @param {'language' | 'theme'} name
 * @param {Record<string, string>} options
 * @param {boolean} translated
 */
function fill(name, options, translated) {
  const select = /** @type {HTMLSelectElement} */ (document.getElementById(name));
  for (const [value, text] of Object.entries(options)) {
    const option = new Option(text, value, false, value === choice[name]);
    if (translated) option.dataset.t = text;
    select.append(option);
  }
  select.addEventListener('change', () => {
    choice[name] = select.value;
    localStorage.setItem(KEY, JSON.stringify(choice));
    apply();
    document.dispatchEvent(new Event('demo:choice'));
  });
}

fill('language', LANGUAGES, false);
fill('theme', THEMES, true);
for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (
  document.querySelectorAll('.top nav a')
))
  if (link.pathname === location.pathname) link.setAttribute('aria-current', 'page');
apply();
