import { Refused, call, get } from './api.js';
import { field, h, say, table, trying } from './dom.js';

const TARGETS = ['SELF', 'ACTOR', 'RECIPIENT', 'ADMIN', 'ROLE', 'USERS', 'ALL', 'FEED'];
const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH'];

/** How long typing pauses before it is previewed. */
const PAUSE = 250;

/** @param {string} code */
const path = (code) => `/api/v1/admin/types/${encodeURIComponent(code)}`;

/** @param {any} type */
function origin(type) {
  if (type.problem) return h('span', { class: 'badge bad', title: type.problem }, 'wrong');
  if (type.origin === 'config') return h('span', { class: 'badge' }, 'file');
  return h('span', { class: 'badge changed', title: type.changed_by ? `by ${type.changed_by}` : 'by hand' }, type.file ? 'changed' : 'made here');
}

/** @param {HTMLElement} place */
export async function types(place) {
  const search = h('input', { type: 'search', placeholder: 'Code, title or template', 'aria-label': 'Search types' });
  const list = h('div', {});
  const dialog = h('dialog', { 'aria-label': 'Type' });
  /** @type {any[]} */
  let known = [];
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const shown = known.filter((type) => [type.code, type.display_name, type.template].some((text) => text.toLowerCase().includes(wanted)));
    list.replaceChildren(table('Types', ['On', 'Code', 'Says', 'To', 'Priority', 'From', 'Actions'], shown.map(row), 'No type has that in it.'));
  };
  const load = async () => {
    known = (await get('types')).types;
    draw();
  };
  const row = (/** @type {any} */ type) => h('tr', {},
    h('td', {}, h('button', {
      type: 'button', role: 'switch', class: 'switch', 'aria-checked': type.is_active, 'aria-label': type.code,
      onclick: () => void trying(async () => {
        await call('PATCH', path(type.code), { body: { is_active: !type.is_active } });
        await load();
        say(`${type.code} is ${type.is_active ? 'off' : 'on'}`);
        /** @type {HTMLElement | null} */ (list.querySelector(`[aria-label="${CSS.escape(type.code)}"]`))?.focus();
      }),
    })),
    h('td', {}, h('strong', { class: 'code' }, type.code), h('small', {}, type.display_name)),
    h('td', { class: 'says' }, type.template),
    h('td', {}, type.target_role ? `${type.target_type} ${type.target_role}` : type.target_type),
    h('td', {}, h('span', { class: `badge ${type.priority.toLowerCase()}` }, type.priority)),
    h('td', {}, origin(type)),
    h('td', {}, h('button', { type: 'button', 'aria-label': `Edit ${type.code}`, onclick: () => void trying(() => edit(dialog, type.code, load)) }, 'Edit')));
  search.addEventListener('input', draw);
  place.append(h('div', { class: 'bar' }, search,
    h('button', { type: 'button', class: 'primary', onclick: () => void trying(() => edit(dialog, null, load)) }, 'New type')), list, dialog);
  await load();
  const named = location.hash.split('/')[1];
  if (named) await trying(() => edit(dialog, decodeURIComponent(named), load));
}

/** A sample of the data that a template asks for. @param {string} template */
function sample(template) {
  const names = [...template.matchAll(/\{\s*([A-Za-z_]\w*)/g)].map((match) => match[1]);
  const of = (/** @type {string} */ name) => (/amount|count|total|^n$/.test(name) ? 100000 : name);
  return JSON.stringify(Object.fromEntries(names.filter((name) => !['recipient', 'actor', 'user', 'event'].includes(name)).map((name) => [name, of(name)])), null, 2);
}

/** @param {HTMLDialogElement} dialog @param {string | null} code @param {() => Promise<void>} done */
async function edit(dialog, code, done) {
  const loaded = code ? await call('GET', path(code)) : { json: { priority: 'MEDIUM', target_type: 'SELF', channels: ['web'], is_active: true }, etag: null };
  const type = loaded.json;
  const choice = (/** @type {string[]} */ all, /** @type {string} */ now) =>
    h('select', {}, ...all.map((one) => h('option', { value: one, selected: one === now }, one)));
  const inputs = {
    code: h('input', { value: type.code ?? '', required: true, disabled: Boolean(code), placeholder: 'ORDER_SHIPPED', autocapitalize: 'characters' }),
    display_name: h('input', { value: type.display_name ?? '', required: true }),
    template: h('textarea', { value: type.template ?? '', required: true, rows: 3, spellcheck: false }),
    target_type: choice(TARGETS, type.target_type),
    target_role: h('input', { value: type.target_role ?? '' }),
    target_users: h('input', { value: (type.target_users ?? []).join(', ') }),
    priority: choice(PRIORITIES, type.priority),
    action_url: h('input', { value: type.action_url ?? '', placeholder: '/orders/{order_id}' }),
    ttl_seconds: h('input', { type: 'number', min: 1, value: type.ttl_seconds ?? '' }),
  };
  const data = h('textarea', { rows: 4, spellcheck: false, value: sample(`${type.template ?? ''} ${type.action_url ?? ''}`) });
  const result = h('output', { class: 'preview', 'aria-live': 'polite' }, '');
  const draft = () => ({
    ...type,
    code: inputs.code.value.trim(),
    display_name: inputs.display_name.value,
    template: inputs.template.value,
    target_type: inputs.target_type.value,
    target_role: inputs.target_role.value || null,
    target_users: inputs.target_users.value.split(',').map((/** @type {string} */ id) => id.trim()).filter(Boolean),
    priority: inputs.priority.value,
    action_url: inputs.action_url.value || null,
    ttl_seconds: inputs.ttl_seconds.value ? Number(inputs.ttl_seconds.value) : null,
  });
  const preview = async () => {
    const { code: name, ...rest } = draft();
    try {
      const values = data.value.trim() ? JSON.parse(data.value) : {};
      const seen = (await call('POST', `${path(name || 'NEW')}/preview`, { body: { data: values, type: rest } })).json;
      result.className = 'preview';
      result.replaceChildren(h('strong', {}, seen.title), h('span', {}, seen.message), seen.action_url ? h('small', {}, `→ ${seen.action_url}`) : '');
    } catch (error) {
      result.className = 'preview bad';
      result.replaceChildren(error instanceof SyntaxError ? 'The sample is no JSON.' : /** @type {Error} */ (error).message);
    }
  };
  /** @type {ReturnType<typeof setTimeout>} */
  let soon;
  const form = h('form', {
    method: 'dialog',
    oninput: () => {
      clearTimeout(soon);
      soon = setTimeout(() => void preview(), PAUSE);
    },
    onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void trying(async () => {
        const written = draft();
        const headers = loaded.etag ? { 'if-match': loaded.etag } : undefined;
        try {
          if (code) await call('PUT', path(code), { body: written, headers });
          else await call('POST', '/api/v1/admin/types', { body: written });
        } catch (error) {
          if (error instanceof Refused && error.status === 412) throw new Error('Somebody else has saved this type meanwhile. Close it and open it again.');
          throw error;
        }
        dialog.close();
        await done();
        say(`${written.code} is saved, and works from now on`);
      });
    },
  },
  h('h2', {}, code ?? 'New type'),
  code ? null : field('Code', inputs.code),
  h('div', { class: 'two' }, field('Title', inputs.display_name), field('Priority', inputs.priority)),
  field('Template', inputs.template, '{name} is a field of the event.'),
  h('div', { class: 'two' }, field('To', inputs.target_type), field('Role', inputs.target_role, 'for ROLE'), field('Users', inputs.target_users, 'for USERS, with commas')),
  h('div', { class: 'two' }, field('Link', inputs.action_url), field('Seconds it lives', inputs.ttl_seconds)),
  field('Sample of an event', data), result,
  h('div', { class: 'bar' },
    h('button', { class: 'primary' }, 'Save'),
    h('button', { type: 'button', onclick: () => void preview() }, 'Preview'),
    code && type.origin === 'admin' && type.file ? h('button', {
      type: 'button', onclick: () => void trying(async () => {
        await call('DELETE', `${path(code)}/override`);
        dialog.close();
        await done();
        say(`${code} is as config.toml says`);
      }),
    }, 'Give back to the file') : null,
    code && !type.file ? h('button', {
      type: 'button', class: 'danger', onclick: () => void trying(async () => {
        if (!confirm(`Delete ${code}?`)) return;
        await call('DELETE', path(code));
        dialog.close();
        await done();
        say(`${code} is deleted`);
      }),
    }, 'Delete') : null,
    h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Close')));
  dialog.replaceChildren(form);
  dialog.showModal();
  if (type.template) await preview();
}
