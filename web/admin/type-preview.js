import { Refused, call, me } from './api.js';
import { BellFrame } from './bell-frame.js';
import { announce, field, fill, h } from './dom.js';
import { clearErrors, markErrors } from './field-errors.js';
import { recentEvents } from './samples.js';
import { language, t } from './translations.js';

/** @import { TypeForm } from './type-form.js' */

/** @param {string} code */
export const typePath = (code) => `/api/v1/admin/types/${encodeURIComponent(code)}`;

/** Preview of a type with test data, or with the data of a recent event. */
export class TypePreview {
  /** Rendered texts, or why there are none. */
  result = h('output', { class: 'preview', 'aria-live': 'polite' }, '');
  #bell = new BellFrame();
  /** The e-mail, with the templates on disk; hidden for a type without e-mails. */
  #mail = h('details', { class: 'mail', hidden: true });
  #form;
  #code;
  #events;
  #data;
  /** Form whose fields show errors. @type {HTMLElement | null} */
  #place = null;
  /** Number of the latest request: an earlier one may be answered after it. */
  #latest = 0;

  /**
   * @param {TypeForm} form
   * @param {any} type
   * @param {string | null} code
   */
  constructor(form, type, code) {
    this.#form = form;
    this.#code = code;
    this.#events = recentEvents(code, () => void this.update());
    const links = (type.actions ?? []).map((/** @type {any} */ action) => action.url);
    const value = sample([type.template, type.action_url, ...links].join(' '));
    this.#data = h('textarea', { rows: 6, spellcheck: false, value });
  }

  /**
   * Elements beside the form.
   * @param {HTMLElement} place  Form whose fields show errors.
   */
  elements(place) {
    this.#place = place;
    return [
      this.#bell.element,
      this.#events.element,
      field(t('Test data'), this.#data, t('JSON, as in the data of an event')),
      this.#mail,
    ];
  }

  /** Removes the listeners. */
  end() {
    this.#bell.end();
  }

  /**
   * Renders the draft, and shows the result unless a later request has been made meanwhile.
   * @returns {Promise<any>}  The rendered notification; null if it cannot be rendered.
   */
  async update() {
    this.#latest += 1;
    const request = this.#latest;
    const { rendered, error } = await this.#render();
    if (request === this.#latest) this.#show(rendered, error);
    return rendered;
  }

  /** @returns {Promise<{ rendered: any, error?: any }>} */
  async #render() {
    const { code, ...type } = { ...this.#form.draft, ...this.#form.texts.shown() };
    const event = this.#events.chosen();
    this.#data.disabled = Boolean(event);
    try {
      const text = this.#data.value.trim();
      const data = event ?? { data: text ? JSON.parse(text) : {} };
      const path = `${typePath(this.#code || code || 'NEW')}/preview`;
      const channel = sendsMail(type) ? 'email' : 'web';
      return { rendered: (await call('POST', path, { body: { ...data, type, channel } })).json };
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
    this.#mail.hidden = !rendered?.subject;
    if (rendered?.subject) this.#showMail(rendered);
    if (this.#place) clearErrors(this.#place);
    if (!rendered) {
      const invalid = error instanceof SyntaxError;
      this.result.replaceChildren(invalid ? t('The test data is not valid JSON.') : error.message);
      if (this.#place && error instanceof Refused)
        markErrors(this.#place, error.problem?.errors ?? []);
      return;
    }
    const { title, message, action_url: link } = rendered;
    const lines = [h('strong', {}, title), h('span', {}, message)];
    fill(this.result, ...lines, link ? h('small', {}, `→ ${link}`) : null);
  }

  /** @param {any} rendered */
  #showMail({ subject, html, text }) {
    const summary = h('summary', {}, `${t('E-mail')}: ${subject}`);
    // Nothing of the e-mail can run or load.
    const frame = h('iframe', { title: t('E-mail in HTML') });
    frame.setAttribute('sandbox', '');
    frame.srcdoc = html;
    this.#mail.replaceChildren(summary, frame, h('pre', {}, text));
  }

  /** Sends the preview to the caller. */
  async sendToMe() {
    const rendered = await this.update();
    if (!rendered) throw new Error(t('It cannot be rendered yet.'));
    const { title, message, action_url, category, icon, actions } = rendered;
    const optional = { action_url, category, icon, actions };
    const body = {
      target: [{ id: me() }],
      message,
      title,
      priority: this.#form.priority,
      source: 'console',
      ...Object.fromEntries(
        Object.entries(optional).filter(([, value]) => (value?.length ?? 0) > 0),
      ),
    };
    await call('POST', '/api/v1/notify', { body });
    announce(t('Sent to {n}.', { n: String(me()) }));
  }
}

/**
 * Returns whether a type sends e-mails.
 * @param {any} type
 */
function sendsMail({ channels = [], escalate = [] }) {
  const later = escalate.flatMap((/** @type {any} */ step) => step.channels);
  return [...channels, ...later].includes('email');
}

/**
 * Returns test data for the fields of a template, as JSON.
 * @param {string} template
 */
function sample(template) {
  const names = [...template.matchAll(/\{\s*([A-Za-z_]\w*)/g)].map((match) => match[1]);
  const value = (/** @type {string} */ name) =>
    /amount|count|total|^n$/.test(name) ? 100000 : name;
  const fields = names
    .filter((name) => !['recipient', 'actor', 'user', 'event'].includes(name))
    .map((name) => [name, value(name)]);
  return JSON.stringify(Object.fromEntries(fields), null, 2);
}
