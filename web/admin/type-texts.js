import { field, h } from './dom.js';
import { t } from './translations.js';

/** @typedef {{ title?: string | null, template?: string | null }} Translation */

/**
 * Title and text of a type, with a tab for each language.
 */
export class TypeTexts {
  #title;
  #text;
  /** @type {Map<string, { title: any, text: any, tab: any, panel: any }>} */
  #languages = new Map();
  #tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('Languages') });
  #panels = h('div', {});
  /** Chosen tab; empty for the default texts. */
  #chosen = '';
  #changed;

  /**
   * @param {any} type
   * @param {() => void} changed  Called when another language is chosen.
   */
  constructor(type, changed) {
    /** Nothing is reported before the form is complete. */
    this.#changed = () => {};
    this.#title = h('input', { value: type.display_name ?? '', required: true });
    this.#text = textArea(type.template ?? '', true);
    this.#title.dataset.field = 'display_name';
    this.#text.dataset.field = 'template';
    this.#append('', t('Default'), this.#title, this.#text, t('{name} is a field of the event.'));
    for (const [locale, translation] of Object.entries(type.translations ?? {}))
      this.#translate(type.code, locale, /** @type {Translation} */ (translation));
    this.#choose('');
    this.#changed = changed;
  }

  /** Language of the chosen tab; empty for the default texts. */
  get language() {
    return this.#chosen;
  }

  /** Elements of the form. */
  get elements() {
    return [h('div', {}, this.#tabs), this.#panels];
  }

  /** Members of the type as written in the form. */
  value() {
    return { display_name: this.#title.value, template: this.#text.value };
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
   * Adds a language. Its texts are files, which the console shows but does not write.
   * @param {string} code
   * @param {string} locale
   * @param {Translation} translation
   */
  #translate(code, locale, { title, template }) {
    const readOnly = true;
    const input = h('input', { value: title ?? '', placeholder: this.#title.value, readOnly });
    const text = textArea(template ?? '', false);
    Object.assign(text, { placeholder: this.#text.value, readOnly });
    const hint = t('From the files {title} and {text} of the folder of templates.', {
      title: `${locale}/${code}.title.txt`,
      text: `${locale}/${code}.txt`,
    });
    this.#append(locale, languageName(locale), input, text, hint);
  }

  /**
   * @param {string} locale
   * @param {string} name
   * @param {any} title
   * @param {any} text
   * @param {string} hint
   */
  #append(locale, name, title, text, hint) {
    const id = `texts-${locale || 'default'}`;
    const tab = h(
      'button',
      { type: 'button', role: 'tab', id: `${id}-tab`, 'aria-controls': id },
      name,
    );
    tab.onclick = () => this.#choose(locale);
    tab.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    const panel = h(
      'div',
      { class: 'stack', id, role: 'tabpanel', 'aria-labelledby': tab.id },
      field(t('Title'), title),
      field(t('Text'), text, hint),
    );
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
