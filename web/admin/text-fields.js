import { field, h } from './dom.js';
import { t } from './translations.js';

/**
 * Texts of a type in one language, as the API has them.
 * @typedef {{ title?: string, template?: string, email?: Record<string, string> }} Texts
 */

/**
 * Texts of one language, and where they are from.
 * @typedef {object} Source
 * @property {string} locale  Empty for the default texts.
 * @property {string} code
 * @property {Texts} own  Texts of the table.
 * @property {Texts} file  Texts of the folder of templates.
 * @property {number} users  Number of users with the language.
 */

/** Parts of an e-mail, with the endings of their files. */
const MAIL = { subject: 'subject.txt', text: 'txt', html: 'html' };

/** Fields of a type's texts in one language. */
export class TextFields {
  title;
  template;
  /** @type {Record<string, any>} */
  #mail;
  #source;
  #note = h('p', { class: 'muted' });
  #details;
  /** Updates of the notes about files. @type {Array<() => void>} */
  #notes = [];

  /** @param {Source} source */
  constructor(source) {
    this.#source = source;
    const { locale, own, file } = source;
    const required = !locale;
    const title = own.title ?? file.title ?? '';
    this.title = h('input', { value: title, required, dir: 'auto' });
    this.template = area(own.template ?? file.template ?? '', { required });
    this.title.dataset.field = locale ? `translations.${locale}.title` : 'display_name';
    this.template.dataset.field = locale ? `translations.${locale}.template` : 'template';
    const written = { ...file.email, ...own.email };
    const mail = (/** @type {string} */ part) =>
      part === 'subject'
        ? h('input', { value: written[part] ?? '', spellcheck: false, dir: 'auto' })
        : area(written[part] ?? '', { rows: part === 'html' ? 6 : 3 });
    this.#mail = Object.fromEntries(Object.keys(MAIL).map((part) => [part, mail(part)]));
    for (const [part, input] of Object.entries(this.#mail))
      input.dataset.field = locale ? `translations.${locale}.email.${part}` : `email.${part}`;
    this.#details = this.#mailFields(Object.keys(written).length > 0);
  }

  /** Texts as written in the fields; those of files are left out. @returns {Texts} */
  get value() {
    const { file } = this.#source;
    const email = this.#mailValue();
    return withoutEmpty({
      title: changed(this.title, file.title),
      template: changed(this.template, file.template),
      email: Object.keys(email).length ? email : undefined,
    });
  }

  /** Parts of the e-mail as written in the fields; those of files are left out. */
  #mailValue() {
    const file = this.#source.file.email ?? {};
    const parts = Object.entries(this.#mail);
    return withoutEmpty(
      Object.fromEntries(parts.map(([part, input]) => [part, changed(input, file[part])])),
    );
  }

  /** Parts of an e-mail that are written anywhere. */
  get hasMail() {
    return Object.values(this.#mail).some((input) => input.value.trim());
  }

  /** Elements of the panel. */
  get elements() {
    const { locale, code, file } = this.#source;
    const path = (/** @type {string} */ ending) => `${locale}/${code}.${ending}`;
    const title = field(t('Title'), this.title);
    const hint = t('{name} is a field of the event.');
    const text = field(t('Text'), this.template, hint);
    this.#noteFile(title, this.title, file.title, path('title.txt'));
    this.#noteFile(text, this.template, file.template, path('txt'));
    return [locale ? this.#note : null, title, text, this.#details];
  }

  /**
   * Shows the default texts where there is no translation, and what readers get.
   * @param {TextFields} defaults
   */
  follow(defaults) {
    this.title.placeholder = defaults.title.value;
    this.template.placeholder = defaults.template.value;
    for (const [part, input] of Object.entries(this.#mail))
      input.placeholder = defaults.#mail[part].value;
    for (const update of this.#notes) update();
    const { locale, code, users } = this.#source;
    if (!locale) return;
    const names = { file: `${locale}/${code}.txt`, n: users.toLocaleString() };
    const has = this.title.value.trim() || this.template.value.trim() || this.hasMail;
    const who = users === 1 ? t('1 user has this language.') : t('{n} users have it.', names);
    const none = t(
      'Not translated yet: the default is used. Write it here, or in the file {file} of the folder of templates.',
      names,
    );
    this.#note.textContent = [users ? who : '', has ? '' : none].filter(Boolean).join(' ');
    this.#note.hidden = !this.#note.textContent;
  }

  /** Shows the fields of the e-mail. */
  openMail() {
    this.#details.open = true;
  }

  /** @param {boolean} open */
  #mailFields(open) {
    const { locale, code, file } = this.#source;
    const folder = locale ? `${locale}/email` : 'email';
    const labels = { subject: t('Subject'), text: t('Body'), html: 'HTML' };
    const fields = Object.entries(labels).map(([part, label]) => {
      const element = field(label, this.#mail[part]);
      const ending = MAIL[/** @type {keyof typeof MAIL} */ (part)];
      const name = `${folder}/${code}.${ending}`;
      this.#noteFile(element, this.#mail[part], file.email?.[part], name);
      return element;
    });
    const about = t('For the channel E-mail. An empty part is made from the notification.');
    return h(
      'details',
      { class: 'mail-texts', open },
      h('summary', {}, t('E-mail')),
      h('div', { class: 'stack' }, h('p', { class: 'muted' }, about), ...fields),
    );
  }

  /**
   * Adds a note about the file with a text.
   * @param {HTMLElement} label
   * @param {any} input
   * @param {string | undefined} source  Text of the file; undefined if there is none.
   * @param {string} file
   */
  #noteFile(label, input, source, file) {
    if (source === undefined) return;
    const note = h('small', { class: 'source' });
    const update = () => {
      const texts = [
        t('Empty: the file {file} is used.', { file }),
        t('From the file {file}. A change is kept here and replaces it.', { file }),
        t('Replaces the file {file}.', { file }),
      ];
      const value = input.value.trim();
      note.textContent = texts[value ? (input.value === source ? 1 : 2) : 0];
      label.classList.toggle('of-file', value === '' || input.value === source);
    };
    label.append(note);
    this.#notes.push(update);
    update();
  }
}

/**
 * Returns the text of a control; undefined if it is empty or that of the file.
 * @param {any} input
 * @param {string | undefined} file
 * @returns {string | undefined}
 */
function changed({ value }, file) {
  return value.trim() && value !== file ? value : undefined;
}

/**
 * @param {Record<string, unknown>} members
 * @returns {any}
 */
function withoutEmpty(members) {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

/**
 * @param {string} value
 * @param {Record<string, unknown>} properties
 */
function area(value, properties) {
  return h('textarea', { value, rows: 3, spellcheck: false, dir: 'auto', ...properties });
}
