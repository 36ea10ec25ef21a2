import { call, get } from './api.js';
import { fill, h, say, table, trying, when } from './dom.js';
import { t } from './words.js';

const EVERY = 3_000;

/** @param {HTMLElement} place */
export async function configuration(place) {
  const live = h('div', { class: 'stack' });
  place.append(live);
  let before = '';
  const draw = async () => {
    const [config, { types }] = await Promise.all([get('config'), get('types')]);
    const now = JSON.stringify([config, types]);
    if (now === before) return;
    before = now;
    const differ = types.filter((/** @type {any} */ type) => type.file === 'differs');
    const wrong = types.filter((/** @type {any} */ type) => type.problem);
    fill(
      live,
      h(
        'p',
        {},
        h('strong', { class: 'code' }, config.file),
        ` ${t('was taken')} `,
        when(config.loaded_at),
        '.',
      ),
      ...config.errors.map((/** @type {any} */ error) =>
        h(
          'section',
          { class: 'alert', role: 'alert' },
          h(
            'strong',
            {},
            t('What is in the file now is not taken. What was there before goes on.'),
          ),
          h('p', {}, error.message),
          error.snippet ? h('pre', { tabIndex: 0 }, `${error.line} │ ${error.snippet}`) : null,
        ),
      ),
      config.would_remove.length
        ? h(
            'div',
            { class: 'bar' },
            h(
              'button',
              {
                type: 'button',
                class: 'danger',
                onclick: () =>
                  void trying(async () => {
                    if (
                      !confirm(
                        t('Remove {codes}? Their events are skipped from then on.', {
                          codes: config.would_remove.join(', '),
                        }),
                      )
                    )
                      return;
                    const { json } = await call('POST', '/api/v1/admin/config/reload');
                    if (json.last_error) throw new Error(json.last_error.message);
                    say(t('It is taken.'));
                    await draw();
                  }),
              },
              t('Take the file, and remove {n} types', { n: config.would_remove.length }),
            ),
          )
        : null,
      config.errors.length
        ? null
        : h('p', { class: 'good' }, t('What is in the file is what the hub works by.')),
      config.restart_needed.length
        ? h(
            'p',
            { class: 'alert' },
            t('Waits for a restart: {keys}.', { keys: config.restart_needed.join(', ') }),
          )
        : null,
      h('h2', {}, t('Types that differ from the file')),
      table(
        t('Types that differ from the file'),
        [t('Code'), t('The file, and the table'), t('Changed by')],
        differ.map((/** @type {any} */ type) =>
          h(
            'tr',
            {},
            h(
              'td',
              {},
              h('a', { href: `#types/${encodeURIComponent(type.code)}`, class: 'code' }, type.code),
            ),
            h(
              'td',
              {},
              changes({
                before: type.file_says,
                after: Object.fromEntries(
                  Object.keys(type.file_says).map((name) => [name, type[name]]),
                ),
              }),
            ),
            h('td', {}, type.changed_by ?? t('hand')),
          ),
        ),
        t('None.'),
      ),
      ...(wrong.length
        ? [
            h('h2', {}, t('Types that are wrong, and off')),
            table(
              t('Types that are wrong, and off'),
              [t('Code'), t('Why')],
              wrong.map((/** @type {any} */ type) =>
                h('tr', {}, h('td', { class: 'code' }, type.code), h('td', {}, type.problem)),
              ),
              '',
            ),
          ]
        : []),
    );
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}

/** @param {HTMLElement} place */
export async function audit(place) {
  const list = h('div', { class: 'stack' });
  const more = h('button', { type: 'button', hidden: true }, t('Older ones'));
  /** @type {string | undefined} */
  let cursor;
  const load = async () => {
    const page = await get('audit', { cursor, limit: '30' });
    cursor = page.next_cursor ?? undefined;
    more.hidden = !cursor;
    list.append(
      ...page.entries.map((/** @type {any} */ entry) =>
        h(
          'article',
          { class: 'card stack', 'aria-label': entry.action },
          h(
            'div',
            { class: 'bar' },
            h('strong', {}, entry.action),
            h('span', { class: 'code' }, entry.subject),
            h('span', { class: 'muted' }, t('by {who}', { who: entry.who })),
            when(entry.at),
          ),
          changes(entry),
        ),
      ),
    );
    if (!list.children.length)
      list.append(h('p', { class: 'empty' }, t('Nobody has changed anything yet.')));
  };
  more.addEventListener('click', () => void trying(load));
  place.append(list, more);
  await load();
}

/**
 * Returns what a change has changed.
 * @param {any} entry
 */
function changes({ before, after }) {
  if (!before || !after)
    return h(
      'details',
      {},
      h('summary', {}, t('What it was')),
      h('pre', { tabIndex: 0 }, JSON.stringify(before ?? after, null, 2)),
    );
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => name !== 'updated_at' && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  return h(
    'ul',
    { class: 'changes' },
    ...names.map((name) =>
      h(
        'li',
        {},
        h('span', { class: 'code' }, name),
        ': ',
        h('del', {}, JSON.stringify(before[name] ?? null)),
        ' → ',
        h('ins', {}, JSON.stringify(after[name] ?? null)),
      ),
    ),
  );
}
