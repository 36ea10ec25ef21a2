import { call, get } from './api.js';
import { button, fill, h, announce, table, tr, runAction, when } from './dom.js';
import { t } from './translations.js';

/** Interval of updates, in milliseconds. */
const REFRESH_INTERVAL = 3_000;

/**
 * Page *Configuration*.
 * @param {HTMLElement} place
 */
export async function configuration(place) {
  const live = h('div', { class: 'stack' });
  place.append(live);
  let before = '';
  const draw = async () => {
    const [config, { types }] = await Promise.all([get('config'), get('types')]);
    const now = JSON.stringify([config, types]);
    if (now === before) return;
    before = now;
    fill(live, ...fileState(config, draw), ...typeStates(types));
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), REFRESH_INTERVAL);
  return () => clearInterval(timer);
}

/**
 * Returns the state of the configuration file.
 * @param {any} config
 * @param {() => Promise<void>} draw
 */
function fileState(config, draw) {
  const loadAndRemove = async () => {
    const codes = config.would_remove.join(', ');
    if (!confirm(t('Remove {codes}? Their events are skipped from then on.', { codes }))) return;
    const { json } = await call('POST', '/api/v1/admin/config/reload');
    if (json.last_error) throw new Error(json.last_error.message);
    announce(t('The file is loaded.'));
    await draw();
  };
  const invalid = (/** @type {any} */ error) =>
    h(
      'section',
      { class: 'alert', role: 'alert' },
      h('strong', {}, t('The file is invalid. The previous configuration stays in force.')),
      h('p', {}, error.message),
      error.snippet ? h('pre', { tabIndex: 0 }, `${error.line} │ ${error.snippet}`) : null,
    );
  const removed = config.would_remove.length;
  const remove = t('Load the file and remove {n} types', { n: removed });
  const restart = config.restart_needed.join(', ');
  const file = h('strong', { class: 'code' }, config.file);
  return [
    h('p', {}, file, ` ${t('was loaded')} `, when(config.loaded_at), '.'),
    ...config.errors.map(invalid),
    removed && h('div', { class: 'bar' }, button(remove, loadAndRemove, { class: 'danger' })),
    !config.errors.length && h('p', { class: 'good' }, t('The file is in force.')),
    restart && h('p', { class: 'alert' }, t('Waits for a restart: {keys}.', { keys: restart })),
  ];
}

/**
 * Returns the types that differ from the file, and the invalid ones.
 * @param {any[]} types
 */
function typeStates(types) {
  const differing = types.filter((type) => type.file === 'differs');
  const invalid = types.filter((type) => type.problem);
  const difference = (/** @type {any} */ type) => {
    const names = Object.keys(type.file_says);
    const after = Object.fromEntries(names.map((name) => [name, type[name]]));
    return tr(
      h('a', { href: `#types/${encodeURIComponent(type.code)}`, class: 'code' }, type.code),
      changes({ before: type.file_says, after }),
      type.changed_by ?? t('SQL'),
    );
  };
  const problem = (/** @type {any} */ type) =>
    tr(h('td', { class: 'code' }, type.code), type.problem);
  const differ = t('Types that differ from the file');
  const heads = [t('Code'), t('File and table'), t('Changed by')];
  const off = t('Invalid types, switched off');
  return [
    h('h2', {}, differ),
    table(differ, heads, differing.map(difference), t('None.')),
    invalid.length && h('h2', {}, off),
    invalid.length && table(off, [t('Code'), t('Reason')], invalid.map(problem), ''),
  ];
}

/**
 * Page *Audit*.
 * @param {HTMLElement} place
 */
export async function audit(place) {
  const list = h('div', { class: 'stack' });
  const more = h('button', { type: 'button', hidden: true }, t('Load older'));
  /** @type {string | undefined} */
  let cursor;
  const card = (/** @type {any} */ entry) =>
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
    );
  const load = async () => {
    const page = await get('audit', { cursor, limit: '30' });
    cursor = page.next_cursor ?? undefined;
    more.hidden = !cursor;
    list.append(...page.entries.map(card));
    if (!list.children.length) list.append(h('p', { class: 'empty' }, t('No changes yet.')));
  };
  more.addEventListener('click', () => void runAction(load));
  place.append(list, more);
  await load();
}

/**
 * Returns the differences of a change.
 * @param {any} entry
 */
function changes({ before, after }) {
  if (!before || !after) {
    const whole = JSON.stringify(before ?? after, null, 2);
    return h('details', {}, h('summary', {}, t('Before')), h('pre', { tabIndex: 0 }, whole));
  }
  const written = (/** @type {any} */ value) => JSON.stringify(value ?? null);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => name !== 'updated_at' && written(before[name]) !== written(after[name]),
  );
  const change = (/** @type {string} */ name) =>
    h(
      'li',
      {},
      h('span', { class: 'code' }, name),
      ': ',
      h('del', {}, written(before[name])),
      ' → ',
      h('ins', {}, written(after[name])),
    );
  return h('ul', { class: 'changes' }, ...names.map(change));
}
