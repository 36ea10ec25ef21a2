import { Refused, call, get, me } from './api.js';
import { field, fill, guarded, h, say, table, trying, when } from './dom.js';
import { realEvents } from './samples.js';
import { variantRows } from './variants.js';
import { t } from './words.js';

const TARGETS = ['SELF', 'ACTOR', 'RECIPIENT', 'ADMIN', 'ROLE', 'USERS', 'ALL', 'FEED'];
const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH'];

/** Pause in typing before the preview is updated, in milliseconds. */
const PAUSE = 250;

/** @param {string} code */
const path = (code) => `/api/v1/admin/types/${encodeURIComponent(code)}`;

/** @param {any} type */
function origin(type) {
  if (type.problem) return h('span', { class: 'badge bad', title: type.problem }, t('wrong'));
  if (type.origin === 'config') return h('span', { class: 'badge' }, t('file'));
  return h(
    'span',
    {
      class: 'badge changed',
      title: type.changed_by ? t('by {who}', { who: type.changed_by }) : t('by hand'),
    },
    type.file ? t('changed') : t('made here'),
  );
}

/** @param {HTMLElement} place */
export async function types(place) {
  const search = h('input', {
    type: 'search',
    placeholder: t('Code, title or template'),
    'aria-label': t('Search types'),
  });
  const list = h('div', {});
  const dialog = h('dialog', { 'aria-label': t('Type') });
  /** @type {any[]} */
  let known = [];
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const shown = known.filter((type) =>
      [type.code, type.display_name, type.template].some((text) =>
        text.toLowerCase().includes(wanted),
      ),
    );
    list.replaceChildren(
      table(
        t('Types'),
        ['On', 'Code', 'Says', 'To', 'Priority', 'From', 'Actions'].map((head) => t(head)),
        shown.map(row),
        t('No type has that in it.'),
      ),
    );
  };
  const load = async () => {
    known = (await get('types')).types;
    draw();
  };
  const row = (/** @type {any} */ type) =>
    h(
      'tr',
      {},
      h(
        'td',
        {},
        h('button', {
          type: 'button',
          role: 'switch',
          class: 'switch',
          'aria-checked': type.is_active,
          'aria-label': type.code,
          onclick: () =>
            void trying(async () => {
              await call('PATCH', path(type.code), { body: { is_active: !type.is_active } });
              await load();
              say(
                type.is_active
                  ? t('{what} is off.', { what: type.code })
                  : t('{what} is on.', { what: type.code }),
              );
              /** @type {HTMLElement | null} */ (
                list.querySelector(`[aria-label="${CSS.escape(type.code)}"]`)
              )?.focus();
            }),
        }),
      ),
      h('td', {}, h('strong', { class: 'code' }, type.code), h('small', {}, type.display_name)),
      h('td', { class: 'says' }, type.template),
      h('td', {}, type.target_role ? `${type.target_type} ${type.target_role}` : type.target_type),
      h('td', {}, h('span', { class: `badge ${type.priority.toLowerCase()}` }, type.priority)),
      h('td', {}, origin(type)),
      h(
        'td',
        {},
        h(
          'button',
          {
            type: 'button',
            'aria-label': t('Edit {what}', { what: type.code }),
            onclick: () => void trying(() => edit(dialog, type.code, load)),
          },
          t('Edit'),
        ),
      ),
    );
  search.addEventListener('input', draw);
  place.append(
    h(
      'div',
      { class: 'bar' },
      search,
      h(
        'button',
        {
          type: 'button',
          class: 'primary',
          onclick: () => void trying(() => edit(dialog, null, load)),
        },
        t('New type'),
      ),
    ),
    list,
    dialog,
  );
  await load();
  const named = location.hash.split('/')[1];
  if (named) await trying(() => edit(dialog, decodeURIComponent(named), load));
}

/**
 * Returns sample data for the fields of a template, as JSON.
 * @param {string} template
 */
function sample(template) {
  const names = [...template.matchAll(/\{\s*([A-Za-z_]\w*)/g)].map((match) => match[1]);
  const of = (/** @type {string} */ name) => (/amount|count|total|^n$/.test(name) ? 100000 : name);
  return JSON.stringify(
    Object.fromEntries(
      names
        .filter((name) => !['recipient', 'actor', 'user', 'event'].includes(name))
        .map((name) => [name, of(name)]),
    ),
    null,
    2,
  );
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {string | null} code
 * @param {() => Promise<void>} done
 */
async function edit(dialog, code, done) {
  const loaded = code
    ? await call('GET', path(code))
    : {
        json: { priority: 'MEDIUM', target_type: 'SELF', channels: ['web'], is_active: true },
        etag: null,
      };
  const type = loaded.json;
  const schedule =
    typeof type.schedule === 'string' ? { cron: type.schedule } : (type.schedule ?? {});
  const choice = (/** @type {string[]} */ all, /** @type {string} */ now) =>
    h('select', {}, ...all.map((one) => h('option', { value: one, selected: one === now }, one)));
  const inputs = {
    code: h('input', {
      value: type.code ?? '',
      required: true,
      disabled: Boolean(code),
      placeholder: 'ORDER_SHIPPED',
      autocapitalize: 'characters',
    }),
    display_name: h('input', { value: type.display_name ?? '', required: true }),
    template: h('textarea', {
      value: type.template ?? '',
      required: true,
      rows: 3,
      spellcheck: false,
    }),
    target_type: choice(TARGETS, type.target_type),
    target_role: h('input', { value: type.target_role ?? '' }),
    target_users: h('input', { value: (type.target_users ?? []).join(', ') }),
    priority: choice(PRIORITIES, type.priority),
    action_url: h('input', { value: type.action_url ?? '', placeholder: '/orders/{order_id}' }),
    ttl_seconds: h('input', { type: 'number', min: 1, value: type.ttl_seconds ?? '' }),
    cron: h('input', { value: schedule.cron ?? '', placeholder: '0 18 * * *', spellcheck: false }),
    timezone: h('input', { value: schedule.timezone ?? '', placeholder: 'Asia/Jakarta' }),
    count: h('input', { value: schedule.count ?? '', placeholder: 'NOTE_CREATED' }),
  };
  const texts = variantRows(type.variants ?? [], code);
  const real = realEvents(code, () => void preview());
  const data = h('textarea', {
    rows: 4,
    spellcheck: false,
    value: sample(`${type.template ?? ''} ${type.action_url ?? ''}`),
  });
  /** Last preview. @type {any} */
  let shown = null;
  const result = h('output', { class: 'preview', 'aria-live': 'polite' }, '');
  const draft = () => ({
    ...type,
    code: inputs.code.value.trim(),
    display_name: inputs.display_name.value,
    template: inputs.template.value,
    target_type: inputs.target_type.value,
    target_role: inputs.target_role.value || null,
    target_users: inputs.target_users.value
      .split(',')
      .map((/** @type {string} */ id) => id.trim())
      .filter(Boolean),
    priority: inputs.priority.value,
    action_url: inputs.action_url.value || null,
    ttl_seconds: inputs.ttl_seconds.value ? Number(inputs.ttl_seconds.value) : null,
    variants: texts.value(),
    schedule: inputs.cron.value.trim()
      ? {
          ...schedule,
          cron: inputs.cron.value.trim(),
          timezone: inputs.timezone.value.trim() || 'UTC',
          count: inputs.count.value.trim() || undefined,
        }
      : null,
  });
  const preview = async () => {
    const { code: name, ...rest } = draft();
    try {
      const sample = real.chosen() ?? { data: data.value.trim() ? JSON.parse(data.value) : {} };
      data.disabled = Boolean(real.chosen());
      const seen = (
        await call('POST', `${path(name || 'NEW')}/preview`, { body: { ...sample, type: rest } })
      ).json;
      shown = seen;
      result.className = 'preview';
      fill(
        result,
        h('strong', {}, seen.title),
        h('span', {}, seen.message),
        seen.action_url ? h('small', {}, `→ ${seen.action_url}`) : '',
      );
    } catch (error) {
      shown = null;
      result.className = 'preview bad';
      result.replaceChildren(
        error instanceof SyntaxError
          ? t('The sample is no JSON.')
          : /** @type {Error} */ (error).message,
      );
    }
  };
  const self = me();
  const sendToMe = async () => {
    await preview();
    if (!shown) throw new Error(t('It cannot be rendered yet.'));
    const body = {
      target: [{ id: self }],
      message: shown.message,
      title: shown.title,
      priority: inputs.priority.value,
      action_url: shown.action_url ?? undefined,
      source: 'console',
    };
    await call('POST', '/api/v1/notify', { body });
    say(t('Sent to {n}.', { n: String(self) }));
  };
  /** @type {ReturnType<typeof setTimeout>} */
  let soon;
  const form = h(
    'form',
    {
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
            if (error instanceof Refused && error.status === 412)
              throw new Error(
                t('Somebody else has saved this type meanwhile. Close it and open it again.'),
              );
            throw error;
          }
          dialog.close();
          await done();
          say(t('{what} is saved, and works from now on.', { what: written.code }));
        });
      },
    },
    h('h2', {}, code ?? t('New type')),
    code ? null : field(t('Code'), inputs.code),
    h(
      'div',
      { class: 'two' },
      field(t('Title'), inputs.display_name),
      field(t('Priority'), inputs.priority),
    ),
    field(t('Template'), inputs.template, t('{name} is a field of the event.')),
    h(
      'div',
      { class: 'two' },
      field(t('To'), inputs.target_type),
      field(t('Role'), inputs.target_role, t('for ROLE')),
      field(t('Users'), inputs.target_users, t('for USERS, with commas')),
    ),
    h(
      'div',
      { class: 'two' },
      field(t('Link'), inputs.action_url),
      field(t('Seconds it lives'), inputs.ttl_seconds),
    ),
    texts.element,
    h(
      'details',
      { open: Boolean(schedule.cron) },
      h('summary', {}, t('It comes by the clock')),
      h(
        'div',
        { class: 'two' },
        field('Cron', inputs.cron, t('minute, hour, day, month, weekday')),
        field(t('Time zone'), inputs.timezone),
        field(t('Counts'), inputs.count, t('a type, for {count}; nothing is sent at 0')),
      ),
      type.next_run ? h('p', { class: 'muted' }, `${t('Next')}: `, when(type.next_run)) : null,
    ),
    real.element,
    field(t('Sample of an event'), data),
    h(
      'div',
      { class: 'foot' },
      result,
      h(
        'div',
        { class: 'bar' },
        h('button', { class: 'primary' }, t('Save')),
        h('button', { type: 'button', onclick: () => void preview() }, t('Preview')),
        self
          ? h('button', { type: 'button', onclick: () => void trying(sendToMe) }, t('Send to me'))
          : null,
        code && type.origin === 'admin' && type.file
          ? h(
              'button',
              {
                type: 'button',
                onclick: () =>
                  void trying(async () => {
                    await call('DELETE', `${path(code)}/override`);
                    dialog.close();
                    await done();
                    say(t('{what} is as config.toml says.', { what: code }));
                  }),
              },
              t('Give back to the file'),
            )
          : null,
        code && !type.file
          ? h(
              'button',
              {
                type: 'button',
                class: 'danger',
                onclick: () =>
                  void trying(async () => {
                    if (!confirm(t('Delete {what}?', { what: code }))) return;
                    await call('DELETE', path(code));
                    dialog.close();
                    await done();
                    say(t('{what} is deleted.', { what: code }));
                  }),
              },
              t('Delete'),
            )
          : null,
        h('button', { type: 'button', class: 'quiet', onclick: () => close() }, t('Close')),
      ),
    ),
  );
  const close = guarded(dialog, draft);
  dialog.replaceChildren(form);
  dialog.showModal();
  if (type.template) await preview();
}
