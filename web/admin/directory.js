import { Refused, call, get, upload } from './api.js';
import { field, guarded, h, say, table, trying } from './dom.js';
import { t } from './words.js';

const FIELDS = [
  ['login', 'Login'],
  ['name', 'Name'],
  ['email', 'E-mail'],
  ['roles', 'Roles'],
  ['locale', 'Locale'],
  ['timezone', 'Time zone'],
];

/** @param {string} id */
const path = (id) => `/api/v1/admin/directory/${encodeURIComponent(id)}`;

/** @param {HTMLElement} place */
export async function directory(place) {
  const search = h('input', {
    type: 'search',
    placeholder: t('Id, login, name or e-mail'),
    'aria-label': t('Search the directory'),
  });
  const list = h('div', {});
  const total = h('p', { class: 'muted', role: 'status' });
  const more = h('button', { type: 'button', hidden: true }, t('More'));
  const dialog = h('dialog', { 'aria-label': t('Person') });
  /** @type {any[]} */
  let shown = [];
  /** @type {string | null} */
  let cursor = null;
  const load = async (fresh = true) => {
    const page = await get('directory', {
      q: search.value,
      cursor: fresh ? undefined : (cursor ?? undefined),
    });
    shown = fresh ? page.users : [...shown, ...page.users];
    cursor = page.next_cursor;
    more.hidden = !cursor;
    total.textContent = t('{n} in the directory.', { n: page.total_count.toLocaleString() });
    list.replaceChildren(
      table(
        t('Directory'),
        ['Id', 'Login', 'Name', 'Roles', 'Locale', 'Actions'].map((head) => t(head)),
        shown.map((person) =>
          h(
            'tr',
            {},
            h(
              'td',
              { class: 'code' },
              h('a', { href: `#inbox/${encodeURIComponent(person.user_id)}` }, person.user_id),
            ),
            h('td', {}, person.login ?? ''),
            h('td', {}, person.name ?? '', person.email ? h('small', {}, person.email) : null),
            h('td', {}, person.roles.join(', ')),
            h('td', {}, person.locale ?? ''),
            h(
              'td',
              {},
              h(
                'button',
                {
                  type: 'button',
                  'aria-label': t('Edit {what}', { what: person.user_id }),
                  onclick: () => edit(person),
                },
                t('Edit'),
              ),
            ),
          ),
        ),
        t('Nobody.'),
      ),
    );
  };
  const edit = (/** @type {any} */ person) => {
    const id = h('input', {
      value: person?.user_id ?? '',
      required: true,
      disabled: Boolean(person),
    });
    /** @type {Record<string, HTMLInputElement>} */
    const inputs = Object.fromEntries(
      FIELDS.map(([name]) => [
        name,
        h('input', {
          value: name === 'roles' ? (person?.roles ?? []).join(', ') : (person?.[name] ?? ''),
        }),
      ]),
    );
    const draft = () =>
      Object.fromEntries(
        FIELDS.map(([name]) => [
          name,
          name === 'roles'
            ? inputs.roles.value
                .split(',')
                .map((role) => role.trim())
                .filter(Boolean)
            : inputs[name].value || null,
        ]),
      );
    const close = guarded(dialog, () => [id.value, draft()]);
    dialog.replaceChildren(
      h(
        'form',
        {
          method: 'dialog',
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            void trying(async () => {
              await call('PUT', path(id.value.trim()), { body: draft() });
              dialog.close();
              await load();
              say(t('{what} is saved.', { what: id.value }));
            });
          },
        },
        h('h2', {}, person?.user_id ?? t('New person')),
        person ? null : field(t('Id'), id),
        h(
          'div',
          { class: 'two' },
          ...FIELDS.map(([name, text]) =>
            field(t(text), inputs[name], name === 'roles' ? t('with commas') : undefined),
          ),
        ),
        h(
          'div',
          { class: 'bar foot' },
          h('button', { class: 'primary' }, t('Save')),
          person
            ? h(
                'button',
                {
                  type: 'button',
                  class: 'danger',
                  onclick: () =>
                    void trying(async () => {
                      if (!confirm(t('Take {who} out of the directory?', { who: person.user_id })))
                        return;
                      await call('DELETE', path(person.user_id));
                      dialog.close();
                      await load();
                      say(t('{who} is not in the directory any more.', { who: person.user_id }));
                    }),
                },
                t('Remove'),
              )
            : null,
          h('button', { type: 'button', class: 'quiet', onclick: close }, t('Close')),
        ),
      ),
    );
    dialog.showModal();
  };
  // The hub imports users while they arrive, so the progress of the upload is that of the import.
  const bar = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': t('Uploaded') });
  const file = h('input', {
    type: 'file',
    accept: '.ndjson,.jsonl,.json',
    'aria-label': t('Upload people, one JSON object on each line'),
    onchange: () =>
      void trying(async () => {
        const [people] = file.files;
        if (!people) return;
        bar.hidden = false;
        try {
          const answer = await upload(
            '/api/v1/admin/directory/bulk',
            people,
            'application/x-ndjson',
            (share) => (bar.value = share),
          );
          say(t('{n} people entered.', { n: answer.upserted.toLocaleString() }));
        } catch (error) {
          if (error instanceof Refused && error.problem?.upserted) {
            throw new Error(
              `${error.message} ${t('{n} before it were entered.', { n: error.problem.upserted })}`,
            );
          }
          throw error;
        } finally {
          file.value = '';
          bar.hidden = true;
          await load();
        }
      }),
  });
  search.addEventListener('input', () => void trying(load));
  more.addEventListener('click', () => void trying(() => load(false)));
  place.append(
    h(
      'div',
      { class: 'bar' },
      search,
      h('button', { type: 'button', class: 'primary', onclick: () => edit(null) }, t('New person')),
    ),
    total,
    list,
    more,
    h(
      'section',
      { class: 'card stack' },
      h('h2', {}, t('Many at once')),
      h('p', { class: 'muted' }, t('A file with one JSON object on each line.')),
      file,
      bar,
    ),
    dialog,
  );
  await load();
}
