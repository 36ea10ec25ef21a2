import { call, get } from './api.js';
import { button, h, announce, table, tr } from './dom.js';
import { priorityName, targetName } from './names.js';
import { announceOutcome, typePage } from './type-page.js';
import { typePath } from './type-preview.js';
import { t } from './translations.js';

/** Heads of the table. */
const HEADS = ['Active', 'Code', 'Text', 'Recipients', 'Priority', 'Defined in', 'Actions'];

/**
 * Page *Types*: the list, or the editor of the type that the address names. The address may name a
 * dead letter too, which is previewed.
 * @param {HTMLElement} place
 */
export async function types(place) {
  const [path, query] = location.hash.split('?');
  const code = path.split('/').slice(1).map(decodeURIComponent).join('/');
  const letter = new URLSearchParams(query).get('dead_letter') ?? '';
  return code ? typePage(place, code, { letter }) : list(place);
}

/**
 * Page *New type*. The address may have a code, and that of a similar type.
 * @param {HTMLElement} place
 */
export async function newType(place) {
  const [code, like] = location.hash.split('/').slice(1).map(decodeURIComponent);
  return typePage(place, null, { code, like });
}

/** @param {HTMLElement} place */
async function list(place) {
  const placeholder = t('Code, title or text');
  const search = h('input', { type: 'search', placeholder, 'aria-label': t('Search types') });
  const rows = h('div', {});
  /** @type {any[]} */
  let known = [];
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const matches = (/** @type {any} */ type) =>
      [type.code, type.display_name, type.template].some((text) =>
        text.toLowerCase().includes(wanted),
      );
    const found = known.filter(matches).map(row);
    const heads = HEADS.map((head) => t(head));
    rows.replaceChildren(table(t('Types'), heads, found, t('No type matches.')));
  };
  const load = async () => {
    known = (await get('types')).types;
    draw();
  };
  const toggle = async (/** @type {any} */ type) => {
    await call('PATCH', typePath(type.code), { body: { is_active: !type.is_active } });
    await load();
    const what = type.code;
    announce(type.is_active ? t('{what} is off.', { what }) : t('{what} is on.', { what }));
    const switched = rows.querySelector(`[aria-label="${CSS.escape(type.code)}"]`);
    /** @type {HTMLElement | null} */ (switched)?.focus();
  };
  const row = (/** @type {any} */ type) => {
    const href = `#types/${encodeURIComponent(type.code)}`;
    const label = t('Edit {what}', { what: type.code });
    return tr(
      button('', () => toggle(type), {
        role: 'switch',
        class: 'switch',
        'aria-checked': type.is_active,
        'aria-label': type.code,
      }),
      [h('a', { class: 'code', href }, type.code), h('small', {}, type.display_name)],
      h('td', { class: 'says' }, type.template),
      h('span', { title: type.target_type }, recipientsOf(type)),
      h('span', { class: `badge ${type.priority.toLowerCase()}` }, priorityName(type.priority)),
      source(type),
      h('a', { class: 'button', href, 'aria-label': label }, t('Edit')),
    );
  };
  search.addEventListener('input', draw);
  const add = h('a', { class: 'button primary', href: '#new-type' }, t('New type'));
  place.append(h('div', { class: 'bar' }, search, add), rows);
  await load();
  announceOutcome();
}

/** @param {any} type */
function recipientsOf({ target_type: target, target_role: role }) {
  return role ? `${targetName(target)}: ${role}` : targetName(target);
}

/**
 * Returns where a type is defined: the file, an override of it, or the console.
 * @param {any} type
 */
function source(type) {
  if (type.problem) return h('span', { class: 'badge bad', title: type.problem }, t('invalid'));
  if (type.origin === 'config') return h('span', { class: 'badge' }, 'config.toml');
  const title = type.changed_by ? t('by {who}', { who: type.changed_by }) : t('manual override');
  const text = type.file ? t('changed here') : t('console');
  return h('span', { class: 'badge changed', title }, text);
}
