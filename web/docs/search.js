import { announce, breakable, byId, h } from './dom.js';

/** Maximum number of results that are shown. */
const RESULTS = 40;

/**
 * Connects the search field with its results. `/` focuses the field, the arrow keys move, Enter
 * opens the first result and Escape closes.
 * @param {import('./model.js').Model} model
 */
export function searchControls(model) {
  const field = byId('search');
  const list = byId('results');
  const links = () => [...list.querySelectorAll('a')];
  const close = () => (list.hidden = true);
  const draw = () => {
    const found = model.search(field.value);
    list.hidden = !field.value.trim();
    list.replaceChildren(
      ...found
        .slice(0, RESULTS)
        .map(({ kind, title, detail, hash }) =>
          h(
            'li',
            {},
            h(
              'a',
              { href: `#${hash}`, onclick: close },
              h('span', { class: 'kind' }, kind),
              h('code', {}, ...breakable(title)),
              h('span', { class: 'detail' }, detail.replaceAll('`', '')),
            ),
          ),
        ),
      ...(found.length ? [] : [h('li', { class: 'none' }, 'Nothing has all of these words.')]),
    );
    if (field.value.trim()) announce(`${found.length} results`);
  };
  field.addEventListener('input', draw);
  field.addEventListener('focus', draw);
  const box = byId('search-box');
  box.addEventListener('focusout', (/** @type {FocusEvent} */ event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) close();
  });
  box.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const all = links();
    const at = all.indexOf(/** @type {any} */ (event.target));
    if (event.key === 'ArrowDown') (all[at + 1] ?? field).focus();
    else if (event.key === 'ArrowUp') (at > 0 ? all[at - 1] : field).focus();
    else if (event.key === 'Enter' && at < 0) all[0]?.click();
    else if (event.key === 'Escape') {
      field.focus();
      close();
    } else return;
    event.preventDefault();
  });
  document.addEventListener('pointerdown', ({ target }) => {
    if (!box.contains(target)) close();
  });
  document.addEventListener('keydown', (event) => {
    const within = /** @type {Element} */ (event.target);
    if (event.key !== '/' || within.closest('input, textarea, select, dialog, lonceng-bell'))
      return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}
