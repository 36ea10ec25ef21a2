import { Refused, call, get, me } from './api.js';
import { announce, button, h, runAction } from './dom.js';
import { withFieldErrors } from './field-errors.js';
import { guardPage } from './guard.js';
import { TypeForm } from './type-form.js';
import { typeNotes } from './type-notes.js';
import { TypePreview, typePath, warningText } from './type-preview.js';
import { t } from './translations.js';

/** Pause in typing before the preview is updated, in milliseconds. */
const PAUSE = 250;

/** Values of a new type. */
const NEW = { priority: 'MEDIUM', target_type: 'SELF', channels: ['web'], is_active: true };

/** Members of a similar type that a new one begins with. */
const COPIED = ['template', 'target_type', 'target_role', 'priority', 'action_url', 'channels'];

/**
 * Returns the values of a new type for a code of events that had none.
 * @param {string} code
 * @param {string} like  Code of a similar type; empty if there is none.
 */
async function guess(code, like) {
  const words = code
    .replace(/[_.-]+/g, ' ')
    .toLowerCase()
    .trim();
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  const similar = like ? (await call('GET', typePath(like))).json : {};
  const copied = COPIED.filter((name) => similar[name] !== undefined && similar[name] !== null);
  return {
    ...NEW,
    template: title,
    ...Object.fromEntries(copied.map((name) => [name, similar[name]])),
    code,
    display_name: title,
  };
}

/**
 * Editor of a type.
 * @param {HTMLElement} place
 * @param {string | null} code  Null for a new type.
 * @param {{ code?: string, like?: string, letter?: string }} [start]  Code of a new type, that of a
 *   similar one, and the ID of a dead letter to preview.
 */
export async function typePage(place, code, { code: wanted = '', like = '', letter = '' } = {}) {
  const [loaded, { channels }, locales] = await Promise.all([
    code ? call('GET', typePath(code)) : { json: await guess(wanted, like), etag: null },
    get('channels'),
    get('locales'),
  ]);
  const type = loaded.json;
  if (!code && !wanted) Object.assign(type, { template: '', display_name: '' });
  const configured = channels.map((/** @type {any} */ one) => one.channel);
  const form = new TypeForm(type, code, { channels: configured, locales }, () => later());
  const sendsMail = configured.includes('email');
  const preview = new TypePreview(form, code, { letter, sendsMail });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void preview.update(), PAUSE);
  };
  const finish = (/** @type {string} */ message) => {
    guardPage(null);
    location.hash = 'types';
    announced = message;
  };
  const save = async () => {
    clearTimeout(timer);
    const { draft } = form;
    if (!mayWarn(await preview.check())) return;
    await store(draft, code, loaded.etag);
    finish(t('{what} is saved and in effect.', { what: draft.code }));
  };
  const element = h('form', { class: 'editor', 'aria-label': code ?? t('New type') });
  element.oninput = later;
  element.onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(() => withFieldErrors(element, save));
  };
  const buttons = h(
    'div',
    { class: 'bar' },
    h('button', { class: 'primary' }, t('Save')),
    button(t('Preview'), async () => {
      await preview.update();
      preview.scrollTo();
    }),
    me() ? button(t('Send to me'), () => preview.sendToMe()) : null,
    h('a', { class: 'button quiet close', href: '#types' }, t('Close')),
  );
  const removing = h('div', { class: 'bar' }, ...(code ? removals(code, loaded, finish) : []));
  const heading = /** @type {HTMLElement} */ (place.querySelector('h1'));
  if (code) heading.textContent = type.code;
  heading.before(h('a', { class: 'back', href: '#types' }, `← ${t('Types')}`));
  element.append(
    ...(code ? typeNotes(type) : []),
    h('div', { class: 'stack' }, ...form.elements, removing),
    h('aside', { class: 'stack', 'aria-label': t('Preview') }, ...preview.elements(element)),
    h('div', { class: 'foot' }, buttons, preview.result),
  );
  place.append(element);
  const before = JSON.stringify(form.draft);
  guardPage(() => JSON.stringify(form.draft) !== before);
  await preview.update();
  return () => {
    clearTimeout(timer);
    preview.end();
    guardPage(null);
  };
}

/** Message that the list of types shows next. */
let announced = '';

/** Announces what the editor has done. */
export function announceOutcome() {
  if (announced) announce(announced);
  announced = '';
}

/**
 * Asks whether a type is saved in spite of warnings.
 * @param {Array<{ locale: string, detail: string }>} warnings
 */
function mayWarn(warnings) {
  if (!warnings.length) return true;
  return confirm([...warnings.map(warningText), t('Save anyway?')].join('\n\n'));
}

/**
 * Saves a type, unless somebody else has changed it in the meantime.
 * @param {any} draft
 * @param {string | null} code
 * @param {string | null} etag
 */
async function store(draft, code, etag) {
  if (code) await unlessChanged('PUT', typePath(code), etag, draft);
  else await call('POST', '/api/v1/admin/types', { body: draft });
}

/**
 * Sends a request, unless somebody else has changed the type in the meantime.
 * @param {string} method
 * @param {string} path
 * @param {string | null} etag
 * @param {any} [body]
 */
async function unlessChanged(method, path, etag, body) {
  try {
    await call(method, path, { body, headers: etag ? { 'if-match': etag } : undefined });
  } catch (error) {
    if (!(error instanceof Refused && error.status === 412)) throw error;
    const message = t(
      'Somebody else saved this type in the meantime. Copy your changes, and load the page again.',
    );
    throw new Error(message, { cause: error });
  }
}

/**
 * Returns the buttons that reset or delete a type.
 * @param {string} code
 * @param {{ json: any, etag: string | null }} loaded
 * @param {(message: string) => void} finish
 */
function removals(code, { json: type, etag }, finish) {
  const what = code;
  const reset = async () => {
    if (!confirm(t('Discard the changes of {what} and use config.toml?', { what }))) return;
    await unlessChanged('DELETE', `${typePath(code)}/override`, etag);
    finish(t('{what} is as in config.toml.', { what }));
  };
  const remove = async () => {
    if (!confirm(t('Delete {what}?', { what }))) return;
    await unlessChanged('DELETE', typePath(code), etag);
    finish(t('{what} is deleted.', { what }));
  };
  return [
    type.origin === 'admin' && type.file ? button(t('Reset to config.toml'), reset) : null,
    type.file ? null : button(t('Delete'), remove, { class: 'danger' }),
  ];
}
