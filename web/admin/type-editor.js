import { Refused, call, get, me } from './api.js';
import { button, field, fill, guardClose, h, announce, runAction } from './dom.js';
import { withFieldErrors } from './field-errors.js';
import { realEvents } from './samples.js';
import { TypeForm } from './type-form.js';
import { t } from './translations.js';

/** Pause in typing before the preview is updated, in milliseconds. */
const PAUSE = 250;

/** Values of a new type. */
const NEW = { priority: 'MEDIUM', target_type: 'SELF', channels: ['web'], is_active: true };

/** @param {string} code */
export const typePath = (code) => `/api/v1/admin/types/${encodeURIComponent(code)}`;

/**
 * Opens the editor of a type.
 * @param {HTMLDialogElement} dialog
 * @param {string | null} code  Null for a new type.
 * @param {() => Promise<void>} load  Loads the list again.
 */
export async function edit(dialog, code, load) {
  const [loaded, { channels }] = await Promise.all([
    code ? call('GET', typePath(code)) : { json: NEW, etag: null },
    get('channels'),
  ]);
  const type = loaded.json;
  const configured = channels.map((/** @type {any} */ one) => one.channel);
  const form = new TypeForm(type, code, configured);
  const preview = new Preview(form, type, code);
  const finish = async (/** @type {string} */ message) => {
    dialog.close();
    await load();
    announce(message);
  };
  const save = async () => {
    const { draft } = form;
    await store(draft, code, loaded.etag);
    await finish(t('{what} is saved and in effect.', { what: draft.code }));
  };
  const close = guardClose(dialog, () => form.draft);
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void preview.update(), PAUSE);
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(() => withFieldErrors(dialog, save));
  };
  const buttons = h(
    'div',
    { class: 'bar' },
    h('button', { class: 'primary' }, t('Save')),
    button(t('Preview'), () => preview.update()),
    me() ? button(t('Send to me'), () => preview.sendToMe()) : null,
    ...(code ? removals(code, type, finish) : []),
    button(t('Close'), close, { class: 'quiet' }),
  );
  const foot = h('div', { class: 'foot' }, preview.result, buttons);
  dialog.replaceChildren(
    fill(
      h('form', { method: 'dialog', oninput, onsubmit }),
      ...form.elements,
      ...preview.fields,
      foot,
    ),
  );
  dialog.showModal();
  if (type.template) await preview.update();
}

/**
 * Saves a type, unless somebody else has changed it in the meantime.
 * @param {any} draft
 * @param {string | null} code
 * @param {string | null} etag
 */
async function store(draft, code, etag) {
  if (!code) {
    await call('POST', '/api/v1/admin/types', { body: draft });
    return;
  }
  try {
    const headers = etag ? { 'if-match': etag } : undefined;
    await call('PUT', typePath(code), { body: draft, headers });
  } catch (error) {
    if (!(error instanceof Refused && error.status === 412)) throw error;
    const message = t(
      'Somebody else saved this type in the meantime. Close the dialog and open it again.',
    );
    throw new Error(message, { cause: error });
  }
}

/**
 * Returns the buttons that revert or delete a type.
 * @param {string} code
 * @param {any} type
 * @param {(message: string) => Promise<void>} finish
 */
function removals(code, type, finish) {
  const what = code;
  const revert = async () => {
    await call('DELETE', `${typePath(code)}/override`);
    await finish(t('{what} is as in config.toml.', { what }));
  };
  const remove = async () => {
    if (!confirm(t('Delete {what}?', { what }))) return;
    await call('DELETE', typePath(code));
    await finish(t('{what} is deleted.', { what }));
  };
  return [
    type.origin === 'admin' && type.file ? button(t('Revert to file'), revert) : null,
    type.file ? null : button(t('Delete'), remove, { class: 'danger' }),
  ];
}

/** Preview of a type with sample data, or with the data of a real event. */
class Preview {
  result = h('output', { class: 'preview', 'aria-live': 'polite' }, '');
  /** The e-mail, with the templates on disk; hidden for a type without e-mails. */
  #mail = h('details', { class: 'mail', hidden: true });
  #form;
  #code;
  #events;
  #data;
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
    this.#events = realEvents(code, () => void this.update());
    const value = sample(`${type.template ?? ''} ${type.action_url ?? ''}`);
    this.#data = h('textarea', { rows: 4, spellcheck: false, value });
  }

  /** Fields of the sample. */
  get fields() {
    return [this.#events.element, field(t('Sample data'), this.#data), this.#mail];
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

  /** @returns {Promise<{ rendered: any, error?: string }>} */
  async #render() {
    const { code, ...type } = this.#form.draft;
    const event = this.#events.chosen();
    this.#data.disabled = Boolean(event);
    try {
      const text = this.#data.value.trim();
      const data = event ?? { data: text ? JSON.parse(text) : {} };
      const path = `${typePath(this.#code || code || 'NEW')}/preview`;
      const channel = sendsMail(type) ? 'email' : 'web';
      return { rendered: (await call('POST', path, { body: { ...data, type, channel } })).json };
    } catch (error) {
      const invalid = error instanceof SyntaxError;
      const { message } = /** @type {Error} */ (error);
      return { rendered: null, error: invalid ? t('The sample is not valid JSON.') : message };
    }
  }

  /**
   * @param {any} rendered
   * @param {string} [error]
   */
  #show(rendered, error = '') {
    this.result.className = rendered ? 'preview' : 'preview bad';
    this.#mail.hidden = !rendered?.subject;
    if (rendered?.subject) {
      const summary = h('summary', {}, `${t('E-mail')}: ${rendered.subject}`);
      // Nothing of the e-mail can run or load.
      const html = h('iframe', { title: t('E-mail in HTML') });
      html.setAttribute('sandbox', '');
      html.srcdoc = rendered.html;
      this.#mail.replaceChildren(summary, html, h('pre', {}, rendered.text));
    }
    if (!rendered) {
      this.result.replaceChildren(error);
      return;
    }
    const { title, message, action_url: link } = rendered;
    const lines = [h('strong', {}, title), h('span', {}, message)];
    fill(this.result, ...lines, link ? h('small', {}, `→ ${link}`) : null);
  }

  /** Sends the preview to the caller. */
  async sendToMe() {
    const rendered = await this.update();
    if (!rendered) throw new Error(t('It cannot be rendered yet.'));
    const { title, message, action_url } = rendered;
    const body = {
      target: [{ id: me() }],
      message,
      title,
      priority: this.#form.priority,
      action_url: action_url ?? undefined,
      source: 'console',
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
 * Returns sample data for the fields of a template, as JSON.
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
