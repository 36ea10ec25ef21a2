import { Refused, call, get } from './api.js';
import { field, h, say, table, trying } from './dom.js';

const FIELDS = [['login', 'Login'], ['name', 'Name'], ['email', 'E-mail'], ['roles', 'Roles'], ['locale', 'Locale'], ['timezone', 'Time zone']];

/** @param {string} id */
const path = (id) => `/api/v1/admin/directory/${encodeURIComponent(id)}`;

/** @param {HTMLElement} place */
export async function directory(place) {
  const search = h('input', { type: 'search', placeholder: 'Id, login, name or e-mail', 'aria-label': 'Search the directory' });
  const list = h('div', {});
  const total = h('p', { class: 'muted', role: 'status' });
  const more = h('button', { type: 'button', hidden: true }, 'More');
  const dialog = h('dialog', { 'aria-label': 'Person' });
  /** @type {any[]} */
  let shown = [];
  /** @type {string | null} */
  let cursor = null;
  const load = async (fresh = true) => {
    const page = await get('directory', { q: search.value, cursor: fresh ? undefined : cursor ?? undefined });
    shown = fresh ? page.users : [...shown, ...page.users];
    cursor = page.next_cursor;
    more.hidden = !cursor;
    total.textContent = `${page.total_count.toLocaleString()} in the directory.`;
    list.replaceChildren(table('Directory', ['Id', 'Login', 'Name', 'Roles', 'Locale', 'Actions'], shown.map((person) => h('tr', {},
      h('td', { class: 'code' }, person.user_id), h('td', {}, person.login ?? ''), h('td', {}, person.name ?? '', person.email ? h('small', {}, person.email) : null),
      h('td', {}, person.roles.join(', ')), h('td', {}, person.locale ?? ''),
      h('td', {}, h('button', { type: 'button', 'aria-label': `Edit ${person.user_id}`, onclick: () => edit(person) }, 'Edit')))), 'Nobody.'));
  };
  const edit = (/** @type {any} */ person) => {
    const id = h('input', { value: person?.user_id ?? '', required: true, disabled: Boolean(person) });
    /** @type {Record<string, HTMLInputElement>} */
    const inputs = Object.fromEntries(FIELDS.map(([name]) => [name, h('input', { value: name === 'roles' ? (person?.roles ?? []).join(', ') : person?.[name] ?? '' })]));
    dialog.replaceChildren(h('form', {
      method: 'dialog', onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void trying(async () => {
          const body = Object.fromEntries(FIELDS.map(([name]) => [name, name === 'roles'
            ? inputs.roles.value.split(',').map((role) => role.trim()).filter(Boolean) : inputs[name].value || null]));
          await call('PUT', path(id.value.trim()), { body });
          dialog.close();
          await load();
          say(`${id.value} is saved`);
        });
      },
    }, h('h2', {}, person?.user_id ?? 'New person'), person ? null : field('Id', id),
    h('div', { class: 'two' }, ...FIELDS.map(([name, text]) => field(text, inputs[name], name === 'roles' ? 'with commas' : undefined))),
    h('div', { class: 'bar' }, h('button', { class: 'primary' }, 'Save'),
      person ? h('button', {
        type: 'button', class: 'danger', onclick: () => void trying(async () => {
          if (!confirm(`Take ${person.user_id} out of the directory?`)) return;
          await call('DELETE', path(person.user_id));
          dialog.close();
          await load();
          say(`${person.user_id} is not in the directory any more`);
        }),
      }, 'Remove') : null,
      h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Close'))));
    dialog.showModal();
  };
  const file = h('input', {
    type: 'file', accept: '.ndjson,.jsonl,.json', 'aria-label': 'Upload people, one JSON object on each line', onchange: () => void trying(async () => {
      const [upload] = file.files;
      if (!upload) return;
      say(`Uploading ${upload.name}…`);
      try {
        const { json } = await call('POST', '/api/v1/admin/directory/bulk', { raw: upload, headers: { 'content-type': 'application/x-ndjson' } });
        say(`${json.upserted.toLocaleString()} people entered.`);
      } catch (error) {
        if (error instanceof Refused && error.problem?.upserted) throw new Error(`${error.message} (${error.problem.upserted} before it were entered)`);
        throw error;
      } finally {
        file.value = '';
        await load();
      }
    }),
  });
  search.addEventListener('input', () => void trying(load));
  more.addEventListener('click', () => void trying(() => load(false)));
  place.append(h('div', { class: 'bar' }, search, h('button', { type: 'button', class: 'primary', onclick: () => edit(null) }, 'New person')),
    total, list, more, h('section', { class: 'card stack' }, h('h2', {}, 'Many at once'), h('p', { class: 'muted' }, 'A file with one JSON object on each line.'), file), dialog);
  await load();
}
