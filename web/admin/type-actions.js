import { field, h } from './dom.js';
import { t } from './translations.js';

/** Maximum number of actions of a notification. */
const ACTIONS_MAX = 2;

/** @typedef {{ label: string, url: string, primary?: boolean }} Action */

/**
 * Returns the editor of a type's actions: buttons under its notifications.
 * @param {Action[]} actions
 */
export function actionRows(actions) {
  const rows = h('div', { class: 'stack' });
  const more = h('button', { type: 'button' }, t('Add action'));
  const count = () => {
    more.hidden = rows.children.length >= ACTIONS_MAX;
  };
  const add = (/** @type {Action} */ action) => {
    const label = h('input', { value: action.label, required: true, placeholder: t('Approve') });
    const url = h('input', {
      value: action.url,
      required: true,
      placeholder: '/orders/{order_id}/approve',
      spellcheck: false,
    });
    const primary = h('input', { type: 'checkbox', checked: Boolean(action.primary) });
    const remove = () => {
      row.remove();
      count();
      row.dispatchEvent(new Event('input', { bubbles: true }));
    };
    const row = h(
      'fieldset',
      { class: 'stack' },
      h('legend', {}, t('Action')),
      h('div', { class: 'two' }, field(t('Label'), label), field(t('URL'), url)),
      h(
        'div',
        { class: 'bar' },
        h('label', { class: 'check' }, primary, h('span', {}, t('Highlighted'))),
        h('button', { type: 'button', class: 'quiet', onclick: remove }, t('Remove')),
      ),
    );
    row.value = () => ({
      label: label.value.trim(),
      url: url.value.trim(),
      primary: primary.checked,
    });
    rows.append(row);
    count();
  };
  actions.forEach(add);
  count();
  more.onclick = () => {
    add({ label: '', url: '', primary: !rows.children.length });
    rows.lastElementChild.querySelector('input').focus();
  };
  const element = h(
    'details',
    { open: actions.length > 0, 'data-field': 'actions' },
    h('summary', {}, t('Buttons')),
    h('div', { class: 'stack' }, rows, h('div', {}, more)),
  );
  return {
    element,
    /** @returns {Action[]} */
    value: () => [...rows.children].map((row) => /** @type {any} */ (row).value()),
  };
}
