import { call, get } from './api.js';
import { button, h, announce, table, tr, runAction } from './dom.js';
import { edit, typePath } from './type-editor.js';
import { t } from './translations.js';

/** Heads of the table. */
const HEADS = ['Active', 'Code', 'Template', 'Recipients', 'Priority', 'Source', 'Actions'];

/**
 * Page *Types*.
 * @param {HTMLElement} place
 */
export async function types(place) {
  const placeholder = t('Code, title or template');
  const search = h('input', { type: 'search', placeholder, 'aria-label': t('Search types') });
  const list = h('div', {});
  const dialog = h('dialog', { 'aria-label': t('Type') });
  /** @type {any[]} */
  let known = [];
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const matches = (/** @type {any} */ type) =>
      [type.code, type.display_name, type.template].some((text) =>
        text.toLowerCase().includes(wanted),
      );
    const rows = known.filter(matches).map(row);
    const heads = HEADS.map((head) => t(head));
    list.replaceChildren(table(t('Types'), heads, rows, t('No type matches.')));
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
    const switched = list.querySelector(`[aria-label="${CSS.escape(type.code)}"]`);
    /** @type {HTMLElement | null} */ (switched)?.focus();
  };
  const row = (/** @type {any} */ type) =>
    tr(
      button('', () => toggle(type), {
        role: 'switch',
        class: 'switch',
        'aria-checked': type.is_active,
        'aria-label': type.code,
      }),
      [h('strong', { class: 'code' }, type.code), h('small', {}, type.display_name)],
      h('td', { class: 'says' }, type.template),
      [type.target_type, type.target_role].filter(Boolean).join(' '),
      h('span', { class: `badge ${type.priority.toLowerCase()}` }, type.priority),
      source(type),
      button(t('Edit'), () => edit(dialog, type.code, load), {
        'aria-label': t('Edit {what}', { what: type.code }),
      }),
    );
  search.addEventListener('input', draw);
  const add = button(t('New type'), () => edit(dialog, null, load), { class: 'primary' });
  place.append(h('div', { class: 'bar' }, search, add), list, dialog);
  await load();
  const named = location.hash.split('/')[1];
  if (named) await runAction(() => edit(dialog, decodeURIComponent(named), load));
}

/**
 * Returns where a type is defined: the file, an override of it, or the console.
 * @param {any} type
 */
function source(type) {
  if (type.problem) return h('span', { class: 'badge bad', title: type.problem }, t('invalid'));
  if (type.origin === 'config') return h('span', { class: 'badge' }, t('file'));
  const title = type.changed_by ? t('by {who}', { who: type.changed_by }) : t('manual override');
  const text = type.file ? t('override') : t('console');
  return h('span', { class: 'badge changed', title }, text);
}
