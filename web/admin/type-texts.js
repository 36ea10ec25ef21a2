import { field, h } from './dom.js';
import { TextFields } from './text-fields.js';
import { t } from './translations.js';

/** @import { Texts } from './text-fields.js' */

/** Locale, such as `id` or `pt-BR`; `email` is the folder of e-mails. */
const LOCALE = /^(?!email$)[A-Za-z][\w-]{0,34}$/i;

/**
 * Languages of the directory and of the texts.
 * @typedef {{ default_locale: string, locales: Array<{ locale: string, users: number }> }} Locales
 */

/** Title, text and e-mail of a type, with a tab for each language. */
export class TypeTexts {
  /** @type {Map<string, { fields: TextFields, tab: any, panel: any }>} */
  #languages = new Map();
  #tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('Languages') });
  #panels = h('div', {});
  #adding = h('div', { class: 'bar', hidden: true });
  /** Chosen tab; empty for the default texts. */
  #chosen = '';
  #changed;
  #type;

  /**
   * @param {any} type
   * @param {Locales} locales
   * @param {() => void} changed  Called when another language is chosen.
   */
  constructor(type, { locales }, changed) {
    this.#type = type;
    /** Nothing is reported before the form is complete. */
    this.#changed = () => {};
    const own = type.translations ?? {};
    const files = type.file_translations ?? {};
    this.#add('', 0);
    const users = new Map(locales.map((one) => [one.locale.toLowerCase(), one.users]));
    const all = [...Object.keys(own), ...Object.keys(files), ...locales.map((one) => one.locale)];
    for (const locale of all)
      if (!this.#known(locale)) this.#add(locale, users.get(locale.toLowerCase()) ?? 0);
    this.#arrangeAdding();
    this.#panels.oninput = () => this.#follow();
    this.#panels.addEventListener('lonceng:reveal', (/** @type {any} */ event) => {
      const panel = event.target.closest('[role="tabpanel"]');
      if (panel?.hidden) this.choose(panel.dataset.language);
    });
    this.#follow();
    this.choose('');
    this.#changed = changed;
  }

  /** Language of the chosen tab; empty for the default texts. */
  get language() {
    return this.#chosen;
  }

  /** Elements of the form. */
  get elements() {
    const add = h('button', { type: 'button', class: 'quiet' }, t('Add a language'));
    add.onclick = () => {
      this.#adding.hidden = false;
      this.#adding.querySelector('input').focus();
    };
    return [h('div', { class: 'bar' }, this.#tabs, add), this.#adding, this.#panels];
  }

  /** Members of the type as written in the form. */
  value() {
    const { title, template } = this.#defaults;
    const translations = [...this.#languages]
      .filter(([locale]) => locale)
      .map(([locale, { fields }]) => /** @type {const} */ ([locale, fields.value]))
      .filter(([, texts]) => Object.keys(texts).length);
    return {
      display_name: title.value,
      template: template.value,
      email: this.#defaults.value.email ?? {},
      translations: Object.fromEntries(translations),
    };
  }

  /** All titles and texts, with those of files. */
  get sources() {
    return [...this.#languages.values()].flatMap(({ fields: { title, template } }) => [
      title.value,
      template.value,
    ]);
  }

  /** True if there is any text of an e-mail. */
  get hasMail() {
    return [...this.#languages.values()].some(({ fields }) => fields.hasMail);
  }

  /**
   * Marks the tabs of languages with a warning.
   * @param {string[]} locales
   */
  warn(locales) {
    for (const [locale, { tab }] of this.#languages)
      tab.classList.toggle('warned', locales.includes(locale));
  }

  /**
   * Shows the texts of a language.
   * @param {string} locale
   */
  choose(locale) {
    this.#chosen = locale;
    for (const [one, { tab, panel }] of this.#languages) {
      tab.setAttribute('aria-selected', String(one === locale));
      tab.tabIndex = one === locale ? 0 : -1;
      panel.hidden = one !== locale;
    }
    this.#changed();
  }

  get #defaults() {
    return /** @type {{ fields: TextFields }} */ (this.#languages.get('')).fields;
  }

  #follow() {
    for (const { fields } of this.#languages.values()) fields.follow(this.#defaults);
  }

  /**
   * Returns the name under which a locale has a tab.
   * @param {string} locale
   */
  #known(locale) {
    return [...this.#languages.keys()].find((one) => one.toLowerCase() === locale.toLowerCase());
  }

  /**
   * Adds the tab of a language.
   * @param {string} locale
   * @param {number} users
   */
  #add(locale, users) {
    const type = this.#type;
    const of = (/** @type {Record<string, Texts> | undefined} */ texts) => {
      const name = Object.keys(texts ?? {}).find((one) => sameLocale(one, locale));
      return (name && texts?.[name]) || {};
    };
    const own = locale
      ? of(type.translations)
      : { title: type.display_name, template: type.template, email: type.email };
    const file = locale ? of(type.file_translations) : { email: type.file_email ?? {} };
    const fields = new TextFields({ locale, code: type.code || 'CODE', own, file, users });
    const id = `texts-${locale || 'default'}`;
    const name = locale ? languageName(locale) : t('Default');
    const tab = h(
      'button',
      { type: 'button', role: 'tab', id: `${id}-tab`, 'aria-controls': id },
      name,
    );
    tab.onclick = () => this.choose(locale);
    tab.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    const panel = h(
      'div',
      { class: 'stack', id, role: 'tabpanel', 'aria-labelledby': tab.id },
      ...fields.elements,
    );
    panel.dataset.language = locale;
    panel.dataset.name = name;
    this.#languages.set(locale, { fields, tab, panel });
    this.#tabs.append(tab);
    this.#panels.append(panel);
  }

  /** Fills the row in which a language is added. */
  #arrangeAdding() {
    const input = h('input', { placeholder: 'pt-BR', size: 8 });
    const add = () => {
      const locale = input.value.trim();
      const valid = LOCALE.test(locale);
      input.setCustomValidity(valid ? '' : t('A locale is such as id or pt-BR.'));
      if (!input.reportValidity()) return;
      if (!this.#known(locale)) this.#add(locale, 0);
      const known = this.#known(locale) ?? '';
      input.value = '';
      this.#adding.hidden = true;
      this.#follow();
      this.choose(known);
      this.#languages.get(known)?.fields.title.focus();
    };
    input.oninput = () => input.setCustomValidity('');
    input.onkeydown = (/** @type {KeyboardEvent} */ event) => {
      // Enter would save the type.
      if (event.key === 'Enter') event.preventDefault();
      if (event.key === 'Enter') add();
      if (event.key === 'Escape') this.#adding.hidden = true;
    };
    const label = field(t('Code of the language'), input, t('such as id or pt-BR'));
    this.#adding.append(label, h('button', { type: 'button', onclick: add }, t('Add')));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const locales = [...this.#languages.keys()];
    const isRtl = getComputedStyle(this.#tabs).direction === 'rtl';
    const step = { ArrowRight: isRtl ? -1 : 1, ArrowLeft: isRtl ? 1 : -1 }[event.key];
    const ends = { Home: 0, End: locales.length - 1 };
    const at = step
      ? (locales.indexOf(this.#chosen) + step + locales.length) % locales.length
      : ends[/** @type {keyof typeof ends} */ (event.key)];
    if (at === undefined) return;
    event.preventDefault();
    this.choose(locales[at]);
    this.#languages.get(locales[at])?.tab.focus();
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
function sameLocale(a, b) {
  return a.toLowerCase() === b.toLowerCase();
}

/**
 * Returns the name of a language, in itself.
 * @param {string} locale
 */
export function languageName(locale) {
  try {
    return new Intl.DisplayNames([locale], { type: 'language' }).of(locale) ?? locale;
  } catch {
    return locale;
  }
}
