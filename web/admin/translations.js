import { INDONESIAN } from './indonesian.js';

/**
 * Languages of the console: their own names, and their texts by the English text.
 * @type {Record<string, { name: string, texts: Record<string, string> }>}
 */
export const LANGUAGES = {
  en: { name: 'English', texts: {} },
  id: { name: 'Bahasa Indonesia', texts: INDONESIAN },
};

/** Key of the chosen language in the local storage. */
const KEY = 'lonceng console language';

/** Language of the console: the chosen one, else the browser's, else English. */
export const language =
  [localStorage.getItem(KEY), navigator.language.split('-')[0]].find(
    (one) => one && one in LANGUAGES,
  ) ?? 'en';

/**
 * Stores the language for the next load of the page.
 * @param {string} chosen
 */
export function chooseLanguage(chosen) {
  localStorage.setItem(KEY, chosen);
}

/**
 * Returns a number in the format of the console's language.
 * @param {number} value
 */
export const number = (value) => value.toLocaleString(language);

/** @param {unknown} value */
const shown = (value) => (typeof value === 'number' ? number(value) : String(value));

/**
 * Returns a text in the language of the console.
 * @param {string} text  English text.
 * @param {Record<string, unknown>} [values]  Values of the placeholders.
 */
export function t(text, values = {}) {
  const translated = LANGUAGES[language].texts[text] ?? text;
  return translated.replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? shown(values[name]) : whole,
  );
}

/**
 * Returns whether the console is in a language that has this text.
 * @param {string} text  English text.
 */
export const isTranslated = (text) => text in LANGUAGES[language].texts;
