import { byId, h } from './dom.js';

/**
 * Identity that requests are sent with.
 * @typedef {object} Identity
 * @property {'dev' | 'token' | 'none'} kind
 * @property {string} user
 * @property {string} login
 * @property {string} role
 * @property {string} token
 */

/** Key in the session storage, of this address: a token is forgotten with the tab. */
const KEY = `lonceng docs identity ${location.search}`;

/** @type {Set<() => void>} */
const listeners = new Set();

/** Hosts of a hub that is likely to have dev sign-in. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** Part of the demo, which a hub has with dev sign-in only. */
const DEMO = '/demo/icon.svg';

/** Returns whether the hub has dev sign-in, which it has on this machine only. */
async function hasDevSignIn() {
  if (!LOOPBACK.includes(location.hostname)) return false;
  return fetch(DEMO, { method: 'HEAD' }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** @returns {Promise<Identity>} */
async function initial() {
  const stored = sessionStorage.getItem(KEY);
  if (stored) return JSON.parse(stored);
  const asked = new URLSearchParams(location.search);
  const user = asked.get('user_id');
  const dev = { kind: /** @type {const} */ ('dev'), token: '' };
  if (user) return { ...dev, user, login: asked.get('login') ?? '', role: asked.get('role') ?? '' };
  const kind = (await hasDevSignIn()) ? 'dev' : 'token';
  // A login or a role would replace what the directory has.
  return { ...dev, kind, user: 'budi', login: '', role: '' };
}

/** @type {Identity} */
let present = await initial();

export const identity = () => present;

/** @param {() => void} listener */
export function onIdentity(listener) {
  listeners.add(listener);
}

/**
 * Returns the query parameters that carry the identity.
 * @param {boolean} [asService]  True for what no user does without a role: publish and administer.
 *   With dev sign-in, a request without an identity is the developer's, who may do both.
 * @returns {[string, string][]}
 */
export function identityQuery(asService = false) {
  if (present.kind !== 'dev' || (asService && !present.role)) return [];
  /** @type {[string, string][]} */
  const all = [
    ['user_id', present.user],
    ['login', present.login],
    ['role', present.role],
  ];
  return all.filter(([, value]) => value);
}

/** Returns a description of the present identity for the button. */
function summary() {
  if (present.kind === 'dev')
    return present.user + (present.role && ` (${present.role})`) || 'Developer';
  if (present.kind === 'token') return present.token ? 'Token' : 'Sign in';
  return 'Nobody';
}

/** Shows the dialog in which the identity is chosen. */
export function chooseIdentity() {
  const dialog = byId('identity-dialog');
  const form = dialog.querySelector('form');
  form.elements.kind.value = present.kind;
  for (const name of ['user', 'login', 'role', 'token'])
    form.elements[name].value = present[/** @type {'user'} */ (name)];
  showFields(form);
  dialog.showModal();
}

/** @param {any} form */
function showFields(form) {
  for (const part of form.querySelectorAll('[data-kind]'))
    part.hidden = part.dataset.kind !== form.elements.kind.value;
}

/** @param {any} form */
function take(form) {
  const { kind, user, login, role, token } = form.elements;
  present = {
    kind: kind.value,
    user: user.value.trim(),
    login: login.value.trim(),
    role: role.value,
    token: token.value.trim(),
  };
  sessionStorage.setItem(KEY, JSON.stringify(present));
  for (const listener of listeners) listener();
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Record<string, any>} [properties]
 */
const field = (name, label, properties = {}) =>
  h(
    'label',
    {},
    label,
    h('input', { name, autocomplete: 'off', spellcheck: false, ...properties }),
  );

/** Builds the dialog and the button that opens it. */
export function identityControls() {
  const kinds = {
    dev: 'Dev sign-in',
    token: 'Token or API key',
    none: 'Nobody, or the cookie of this host',
  };
  const form = h(
    'form',
    { method: 'dialog' },
    h('h2', {}, 'Send requests as'),
    h(
      'label',
      {},
      'Identity',
      h(
        'select',
        { name: 'kind' },
        ...Object.entries(kinds).map(([value, text]) => h('option', { value }, text)),
      ),
    ),
    h(
      'div',
      { 'data-kind': 'dev' },
      field('user', 'User ID'),
      field('login', 'Login'),
      h(
        'label',
        {},
        'Role',
        h(
          'select',
          { name: 'role' },
          h('option', { value: '' }, 'as the directory has it'),
          h('option', {}, 'user'),
          h('option', {}, 'admin'),
        ),
      ),
      h(
        'p',
        { class: 'hint' },
        'A login or a role that is chosen here replaces that of the user in the directory.',
      ),
    ),
    h(
      'div',
      { 'data-kind': 'token' },
      field('token', 'Token', { type: 'password' }),
      h('p', { class: 'hint' }, 'It stays in this tab, and is forgotten when the tab is closed.'),
    ),
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'primary', value: 'use' }, 'Use it'),
      h('button', { value: 'cancel', formNoValidate: true }, 'Cancel'),
    ),
  );
  form.elements.kind.addEventListener('change', () => showFields(form));
  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    if (/** @type {any} */ (event.submitter)?.value === 'use') take(form);
  });
  const dialog = h('dialog', { id: 'identity-dialog', 'aria-label': 'Send requests as' }, form);
  document.body.append(dialog);
  const button = byId('identity');
  const draw = () => (button.textContent = summary());
  button.addEventListener('click', chooseIdentity);
  onIdentity(draw);
  draw();
}

/** Header that carries the identity. @returns {[string, string][]} */
export function authorization() {
  const { kind, token } = present;
  return kind === 'token' && token ? [['Authorization', `Bearer ${token}`]] : [];
}
