import { Refused, call, me } from './api.js';
import { BellFrame } from './bell-frame.js';
import { announce, field, fill, h } from './dom.js';
import { clearErrors, labelOf, markErrors, placeOf, readable } from './field-errors.js';
import { recentEvents } from './samples.js';
import { testData } from './test-data.js';
import { MailPreview } from './type-mail.js';
import { languageName } from './type-texts.js';
import { language, t } from './translations.js';

/** @import { TypeForm } from './type-form.js' */

/** @typedef {{ locale: string, detail: string }} Warning */

/** @param {string} code */
export const typePath = (code) => `/api/v1/admin/types/${encodeURIComponent(code)}`;

/** Preview of a type with test data, or with the data of a recent event. */
export class TypePreview {
  /** Rendered texts, or why there are none. */
  result = h('output', { class: 'preview', 'aria-live': 'polite' }, '');
  #bell = new BellFrame();
  #mail;
  #warnings = h('ul', { class: 'warnings', hidden: true, 'aria-label': t('Warnings') });
  #form;
  #code;
  #events;
  #data;
  /** True while the test data follow the templates. */
  #isAuto = true;
  /** Form whose fields show errors. @type {HTMLElement | null} */
  #place = null;
  /** Error of the latest preview. @type {any} */
  #error = null;
  /** Number of the latest request: an earlier one may be answered after it. */
  #latest = 0;

  /**
   * @param {TypeForm} form
   * @param {string | null} code
   * @param {{ letter: string, sendsMail: boolean }} options  ID of the dead letter to begin with,
   *   and whether the hub can send e-mails.
   */
  constructor(form, code, { letter, sendsMail: canSend }) {
    this.#mail = new MailPreview(canSend);
    this.#form = form;
    this.#code = code;
    this.#events = recentEvents(
      code,
      letter,
      () => void this.update(),
      () => this.#isAuto,
    );
    this.#data = h('textarea', { rows: 6, spellcheck: false });
    this.#data.oninput = () => {
      // An answer on its way would overwrite what is being typed.
      this.#latest += 1;
      this.#isAuto = false;
      this.#events.reset();
    };
    this.#followTemplates();
  }

  /**
   * Elements beside the form.
   * @param {HTMLElement} place  Form whose fields show errors.
   */
  elements(place) {
    this.#place = place;
    return [
      this.#bell.element,
      this.#warnings,
      this.#mail.element,
      this.#events.element,
      field(t('Test data'), this.#data, t('JSON, as in the data of an event')),
    ];
  }

  /** Removes the listeners. */
  end() {
    this.#bell.end();
  }

  /** Shows the bell where it is out of sight. */
  scrollTo() {
    const { top, bottom } = this.#bell.element.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) this.#bell.element.scrollIntoView({ block: 'start' });
  }

  /**
   * Renders the draft, and shows the result unless a later request has been made meanwhile.
   * @returns {Promise<any>}  The rendered notification; null if it cannot be rendered.
   */
  async update() {
    this.#latest += 1;
    const request = this.#latest;
    this.#followTemplates();
    const empty = this.#emptyField();
    if (empty) {
      this.#error = null;
      this.#wait(empty);
      return null;
    }
    const { rendered, error } = await this.#render();
    if (request !== this.#latest) return rendered;
    this.#error = error;
    // An event of before may not fit the draft, or be gone.
    const isGone = error instanceof Refused && error.status === 404;
    if (error && this.#events.giveUp(isGone)) return this.update();
    this.#show(rendered, error);
    return rendered;
  }

  /**
   * Renders the draft before it is saved.
   * @returns {Promise<Warning[]>}  Warnings about other languages.
   * @throws The error that saving would have.
   */
  async check() {
    const rendered = await this.update();
    const names = this.#error?.problem?.errors ?? [];
    // An error of the test data is none of the type.
    if (!rendered && this.#place && names.some((/** @type {any} */ one) => this.#isOfForm(one)))
      throw this.#error;
    return rendered?.warnings ?? [];
  }

  /** @param {{ field?: string }} error */
  #isOfForm({ field: path }) {
    return Boolean(this.#place && placeOf(this.#place, path));
  }

  /** Writes test data for the fields of the templates, until the reader changes them. */
  #followTemplates() {
    if (!this.#isAuto || this.#events.chosen()) return;
    this.#data.value = JSON.stringify(testData(...this.#form.sources), null, 2);
  }

  /** Returns a field without which nothing can be rendered, if it is empty. */
  #emptyField() {
    const required = this.#place?.querySelectorAll(':required') ?? [];
    return /** @type {any[]} */ ([...required]).find(
      (control) => control.dataset.field !== 'code' && !control.value.trim(),
    );
  }

  /**
   * Says which field is still empty; that is no error yet.
   * @param {HTMLElement} empty
   */
  #wait(empty) {
    if (this.#place) clearErrors(this.#place);
    this.result.className = 'preview muted';
    const text = t('The preview appears when {field} is filled in.', { field: labelOf(empty) });
    this.result.replaceChildren(text);
    this.#warn([]);
    this.#mail.show(null);
    const { code } = this.#form.draft;
    this.#bell.show(null, { code, priority: this.#form.priority, language });
  }

  /** Request for the preview of the draft. */
  #request() {
    const { code, ...type } = this.#form.draft;
    const event = this.#events.chosen();
    const text = this.#data.value.trim();
    const data = event ?? { data: text ? JSON.parse(text) : {} };
    const channel = sendsMail(type) || this.#form.texts.hasMail ? 'email' : 'web';
    const body = { ...data, type, channel, locale: this.#form.texts.language };
    return { path: typePath(this.#code || code || 'NEW'), body };
  }

  /** @returns {Promise<{ rendered: any, error?: any }>} */
  async #render() {
    try {
      const { path, body } = this.#request();
      return { rendered: (await call('POST', `${path}/preview`, { body })).json };
    } catch (error) {
      return { rendered: null, error };
    }
  }

  /**
   * @param {any} rendered
   * @param {any} [error]
   */
  #show(rendered, error) {
    const { code } = this.#form.draft;
    const shownIn = this.#form.texts.language || language;
    this.#bell.show(rendered, { code, priority: this.#form.priority, language: shownIn });
    this.result.className = rendered ? 'preview' : 'preview bad';
    this.#mail.show(rendered?.subject ? rendered : null, this.#form.texts.hasMail);
    if (rendered?.data) this.#data.value = JSON.stringify(rendered.data, null, 2);
    this.#warn(rendered?.warnings ?? []);
    if (this.#place) clearErrors(this.#place);
    if (!rendered) {
      this.result.replaceChildren(readable(this.#place, error));
      if (this.#place && error instanceof Refused)
        markErrors(this.#place, error.problem?.errors ?? []);
      return;
    }
    const { title, message, action_url: link } = rendered;
    const lines = [h('strong', {}, title), h('span', {}, message)];
    fill(this.result, ...lines, link ? h('small', {}, `→ ${link}`) : null);
  }

  /** @param {Warning[]} warnings */
  #warn(warnings) {
    this.#form.texts.warn(warnings.map(({ locale }) => locale));
    this.#warnings.hidden = !warnings.length;
    this.#warnings.replaceChildren(...warnings.map((one) => h('li', {}, warningText(one))));
  }

  /** Sends the preview to the caller. */
  async sendToMe() {
    if (!(await this.update())) throw new Error(t('It cannot be rendered yet.'));
    const { path, body } = this.#request();
    const { json } = await call('POST', `${path}/test`, { body: { ...body, recipient: me() } });
    const { type, reason, event_id: id } = json;
    if (reason) throw new Error(t('Nothing was sent, because you have muted {type}.', { type }));
    const trace = { href: `#explain/${encodeURIComponent(id)}`, text: t('What happened to it') };
    const text = t('Sent to {user} as {type}. It is in the bell of your site.', {
      type,
      user: me(),
    });
    announce(text, false, trace);
  }
}

/**
 * Returns the text of a warning with its language.
 * @param {Warning} warning
 */
export function warningText({ locale, detail }) {
  return `${locale ? languageName(locale) : t('Default')}: ${detail}`;
}

/**
 * Returns whether a type sends e-mails.
 * @param {any} type
 */
function sendsMail({ channels = [], escalate = [] }) {
  const later = escalate.flatMap((/** @type {any} */ step) => step.channels);
  return [...channels, ...later].includes('email');
}
