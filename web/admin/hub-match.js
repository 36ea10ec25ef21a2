import { isTranslated, t } from './translations.js';

/** Values that are sentences of the hub themselves. */
const NESTED = ['cause', 'why', 'error'];

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Returns the pattern of a sentence with placeholders. What stands in brackets behind it, such as a
 * line of a template, stays as it is.
 * @param {string} sentence
 */
function patternOf(sentence) {
  const parts = sentence.split(/\{(\w+)\}/);
  const source = parts.map((part, at) => (at % 2 ? `(?<${part}>.+?)` : escaped(part)));
  return new RegExp(`^${source.join('')}(?<brackets> \\([^]*\\))?$`);
}

/** Finds the sentence that a text of the hub is an instance of, and translates it. */
export class Sentences {
  #patterns;

  /** @param {string[]} sentences */
  constructor(sentences) {
    // The most specific first: those with the fewest placeholders, and the longest.
    const rank = (/** @type {string} */ text) => text.split('{').length * 1_000 - text.length;
    this.#patterns = [...sentences]
      .sort((a, b) => rank(a) - rank(b))
      .map((sentence) => ({ sentence, pattern: patternOf(sentence) }));
  }

  /**
   * Returns a text of the hub in the language of the console; the same text without a translation.
   * @param {string} said
   * @returns {string}
   */
  translated(said) {
    for (const { sentence, pattern } of this.#patterns) {
      const groups = isTranslated(sentence) ? pattern.exec(said)?.groups : undefined;
      const found = groups ?? (isTranslated(sentence) && pattern.test(said) ? {} : null);
      if (found) return `${t(sentence, this.nested(found))}${found.brackets ?? ''}`;
    }
    const [, field, detail] = /^([\w.[\]]+): (.+)$/s.exec(said) ?? [];
    if (!field) return said;
    const fault = this.translated(detail);
    return fault === detail ? said : `${field}: ${fault}`;
  }

  /**
   * Returns the values of a sentence; those that are sentences themselves are translated.
   * @param {Record<string, unknown>} values
   * @returns {Record<string, unknown>}
   */
  nested(values) {
    const value = (/** @type {string} */ name, /** @type {unknown} */ one) =>
      NESTED.includes(name) && typeof one === 'string' ? this.translated(one) : one;
    const entries = Object.entries(values).map(([name, one]) => [name, value(name, one)]);
    return Object.fromEntries(entries);
  }
}
