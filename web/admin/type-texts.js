import { field, h } from './dom.js';
import { t } from './translations.js';

/** @typedef {{ title?: string | null, template?: string | null }} Translation */

/**
 * Title and text of a type, with a tab for each language.
 */
export class TypeTexts {
  #title;
  #text;
  #add = h('button', { type: 'button', class: 'quiet' }, t('Add a language'));
  /** @type {Map<string, { title: any, text: any, tab: any, panel: any }>} */
  #languages = new Map();
  #tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('Languages') });
  #panels = h('div', {});
  #mayTranslate;
  /** Chosen tab; empty for the default texts. */
  #chosen = '';
  #changed;

  /**
   * @param {any} type
   * @param {() => void} changed  Called when another language is chosen.
   */
  constructor(type, changed) {
    this.#changed = changed;
    this.#mayTranslate = type.translations !== undefined;
    this.#title = h('input', { value: type.display_name ?? '', required: true });
    this.#text = textArea(type.template ?? '', true);
    this.#title.dataset.field = 'display_name';
    this.#text.dataset.field = 'template';
    this.#append('', t('Default'), this.#title, this.#text);
    for (const [locale, translation] of Object.entries(type.translations ?? {}))
      this.#translate(locale, /** @type {Translation} */ (translation));
    this.#add.onclick = () => this.#ask();
    this.#choose('');
  }

  /** Language of the chosen tab; empty for the default texts. */
  get language() {
    return this.#chosen;
  }

  /** Elements of the form. */
  get elements() {
    const bar = h('div', { class: 'bar' }, this.#tabs, this.#add);
    return this.#mayTranslate ? [bar, this.#panels] : [this.#panels];
  }

  /** Members of the type as written in the form. */
  value() {
    const texts = { display_name: this.#title.value, template: this.#text.value };
    if (!this.#mayTranslate) return texts;
    /** @type {Record<string, Translation>} */
    const translations = {};
    for (const [locale, { title, text }] of this.#languages) {
      const own = { title: title.value || null, template: text.value || null };
      if (locale && (own.title || own.template)) translations[locale] = own;
    }
    return { ...texts, translations };
  }

  /** Texts of the chosen language, for the preview. An empty one is that of the type. */
  shown() {
    const { title, text } = /** @type {any} */ (this.#languages.get(this.#chosen));
    return {
      display_name: title.value || this.#title.value,
      template: text.value || this.#text.value,
    };
  }

  /**
   * @param {string} locale
   * @param {Translation} translation
   */
  #translate(locale, { title, template }) {
    const input = h('input', { value: title ?? '', placeholder: this.#title.value });
    const text = textArea(template ?? '', false);
    text.placeholder = this.#text.value;
    input.dataset.field = text.dataset.field = 'translations';
    this.#append(locale, languageName(locale), input, text);
  }

  /**
   * @param {string} locale
   * @param {string} name
   * @param {any} title
   * @param {any} text
   */
  #append(locale, name, title, text) {
    const id = `texts-${locale || 'default'}`;
    const tab = h(
      'button',
      { type: 'button', role: 'tab', id: `${id}-tab`, 'aria-controls': id },
      name,
    );
    tab.onclick = () => this.#choose(locale);
    tab.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    const hint = t('{name} is a field of the event.');
    const panel = h(
      'div',
      { class: 'stack', id },
      field(t('Title'), title),
      field(t('Text'), text, locale ? t('Empty fields have the default text.') : hint),
    );
    if (this.#mayTranslate) {
      panel.setAttribute('role', 'tabpanel');
      panel.setAttribute('aria-labelledby', tab.id);
    }
    this.#languages.set(locale, { title, text, tab, panel });
    this.#tabs.append(tab);
    this.#panels.append(panel);
  }

  /** @param {string} locale */
  #choose(locale) {
    this.#chosen = locale;
    for (const [one, { tab, panel }] of this.#languages) {
      tab.setAttribute('aria-selected', String(one === locale));
      tab.tabIndex = one === locale ? 0 : -1;
      panel.hidden = one !== locale;
    }
    this.#changed();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const locales = [...this.#languages.keys()];
    const at = locales.indexOf(this.#chosen) + step + locales.length;
    const next = locales[at % locales.length];
    this.#choose(next);
    this.#languages.get(next)?.tab.focus();
  }

  /** Shows a field for the code of a further language. */
  #ask() {
    const code = h('input', { placeholder: 'id', size: 6, 'aria-label': t('Language code') });
    const add = () => {
      const locale = code.value.trim();
      if (!/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(locale)) {
        code.setAttribute('aria-invalid', 'true');
        return;
      }
      if (!this.#languages.has(locale)) this.#translate(locale, {});
      box.replaceWith(this.#add);
      this.#choose(locale);
      this.#languages.get(locale)?.title.focus();
    };
    code.onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Escape') box.replaceWith(this.#add);
      if (event.key !== 'Enter') return;
      event.preventDefault();
      add();
    };
    const box = h('span', { class: 'bar' }, code);
    box.append(h('button', { type: 'button', onclick: add }, t('Add')));
    this.#add.replaceWith(box);
    code.focus();
  }
}

/**
 * @param {string} value
 * @param {boolean} required
 */
function textArea(value, required) {
  return h('textarea', { value, required, rows: 3, spellcheck: false });
}

/**
 * Returns the name of a language, in itself.
 * @param {string} locale
 */
function languageName(locale) {
  try {
    return new Intl.DisplayNames([locale], { type: 'language' }).of(locale) ?? locale;
  } catch {
    return locale;
  }
}
