import { Refused, call, get } from './api.js';
import { button, field, guardClose, h, announce, split, table, tr, runAction } from './dom.js';
import { DirectoryImport } from './directory-import.js';
import { withFieldErrors } from './field-errors.js';
import { t } from './translations.js';

/** Fields of a user, with their labels. */
const FIELDS = [
  ['login', 'Login'],
  ['name', 'Name'],
  ['email', 'E-mail'],
  ['roles', 'Roles'],
  ['locale', 'Locale'],
  ['timezone', 'Time zone'],
];

/**
 * Returns the roles of a text; they may be separated as in a file of the import too.
 * @param {string} text
 */
const splitRoles = (text) => split(text.replace(/[|;]/g, ','));

/** @param {string} id */
const path = (id) => `/api/v1/admin/directory/${encodeURIComponent(id)}`;

/**
 * Page *Directory*.
 * @param {HTMLElement} place
 */
export async function directory(place) {
  const placeholder = t('ID, login, name or e-mail');
  const search = h('input', {
    type: 'search',
    placeholder,
    'aria-label': t('Search the directory'),
  });
  const list = h('div', {});
  const total = h('p', { class: 'muted', role: 'status' });
  const more = h('button', { type: 'button', hidden: true }, t('More'));
  const dialog = h('dialog', { 'aria-label': t('User') });
  /** @type {any[]} */
  let shown = [];
  /** @type {string | null} */
  let cursor = null;
  /** Number of the latest request: an earlier one may be answered after it. */
  let latest = 0;
  const load = async (fresh = true) => {
    const request = ++latest;
    const page = await get('directory', {
      q: search.value.trim(),
      cursor: fresh ? undefined : (cursor ?? undefined),
    });
    if (request !== latest) return;
    shown = fresh ? page.users : [...shown, ...page.users];
    cursor = page.next_cursor;
    more.hidden = !cursor;
    total.textContent = t('{n} in the directory.', { n: page.total_count });
    const heads = ['ID', 'Login', 'Name', 'Roles', 'Locale', 'Actions'].map((head) => t(head));
    const rows = shown.map((user) => row(user, () => edit(dialog, user, load)));
    list.replaceChildren(table(t('Directory'), heads, rows, t('No users.')));
  };
  search.addEventListener('input', () => void runAction(load));
  more.addEventListener('click', () => void runAction(() => load(false)));
  const add = button(t('New user'), () => edit(dialog, null, load), { class: 'primary' });
  const bar = h('div', { class: 'bar' }, search, add);
  const users = new DirectoryImport(load);
  place.append(bar, total, list, more, users.element, dialog);
  await load();
  if (location.hash.endsWith('/import')) users.focus();
}

/**
 * @param {any} user
 * @param {() => void} onEdit
 */
function row(user, onEdit) {
  const inbox = `#inbox/${encodeURIComponent(user.user_id)}`;
  return tr(
    h('td', { class: 'code' }, h('a', { href: inbox }, user.user_id)),
    user.login ?? '',
    [user.name ?? '', user.email ? h('small', {}, user.email) : null, unverified(user)],
    user.roles.join(', '),
    user.locale ?? '',
    button(t('Edit'), onEdit, { 'aria-label': t('Edit {what}', { what: user.user_id }) }),
  );
}

/**
 * Returns a note that the e-mail address is not verified, if so.
 * @param {any} user
 */
export function unverified(user) {
  if (!user.email || user.email_verified !== false) return null;
  const title = t('No e-mails are sent to this address.');
  return h('span', { class: 'badge', title }, t('not verified'));
}

/**
 * Replaces a user. What the form does not show stays as it is now: a member that is missing would
 * be removed.
 * @param {string} id
 * @param {any} draft
 */
async function replace(id, draft) {
  const { addresses, email, email_verified: verified } = (await call('GET', path(id))).json;
  // Another address is not known to be the user's.
  const mark = (email ?? null) === draft.email ? verified : undefined;
  await call('PUT', path(id), { body: { addresses, email_verified: mark, ...draft } });
}

/**
 * Adds a user, unless there is one with this ID.
 * @param {string} id
 * @param {any} draft
 */
async function create(id, draft) {
  try {
    await call('PUT', path(id), { body: draft, headers: { 'if-none-match': '*' } });
  } catch (error) {
    if (!(error instanceof Refused && error.status === 412)) throw error;
    throw new Error(t('There is a user {id} already; edit them in the list.', { id }), {
      cause: error,
    });
  }
}

/**
 * Opens the form of a user; null for a new one.
 * @param {HTMLDialogElement} dialog
 * @param {any} user
 * @param {() => Promise<void>} load
 */
function edit(dialog, user, load) {
  const id = h('input', { value: user?.user_id ?? '', required: true, disabled: Boolean(user) });
  const value = (/** @type {string} */ name) =>
    name === 'roles' ? (user?.roles ?? []).join(', ') : (user?.[name] ?? '');
  /** @type {Record<string, HTMLInputElement>} */
  const inputs = Object.fromEntries(
    FIELDS.map(([name]) => [name, h('input', { value: value(name), 'data-field': name })]),
  );
  const written = (/** @type {string} */ name) =>
    name === 'roles' ? splitRoles(inputs.roles.value) : inputs[name].value || null;
  const draft = () => Object.fromEntries(FIELDS.map(([name]) => [name, written(name)]));
  const finish = async (/** @type {string} */ message) => {
    dialog.close();
    await load();
    announce(message);
  };
  const save = async () => {
    const who = id.value.trim();
    if (user) await replace(who, draft());
    else await create(who, draft());
    await finish(t('{what} is saved.', { what: who }));
  };
  const remove = async () => {
    const who = user.user_id;
    if (!confirm(t('Remove {who} from the directory?', { who }))) return;
    await call('DELETE', path(who));
    await finish(t('{who} was removed from the directory.', { who }));
  };
  const close = guardClose(dialog, () => [id.value, draft()]);
  const hint = (/** @type {string} */ name) =>
    name === 'roles' ? t('separated by commas, such as member, editor') : undefined;
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(() => withFieldErrors(dialog, save));
  };
  dialog.replaceChildren(
    h(
      'form',
      { method: 'dialog', onsubmit },
      h('h2', {}, user?.user_id ?? t('New user')),
      user ? null : field(t('ID'), id),
      h(
        'div',
        { class: 'two' },
        ...FIELDS.map(([name, label]) => field(t(label), inputs[name], hint(name))),
      ),
      h(
        'div',
        { class: 'bar foot' },
        h('button', { class: 'primary' }, t('Save')),
        user ? button(t('Remove'), remove, { class: 'danger' }) : null,
        button(t('Close'), close, { class: 'quiet' }),
      ),
    ),
  );
  dialog.showModal();
}
