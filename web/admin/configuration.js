import { call, get } from './api.js';
import { changes } from './audit.js';
import { announce, button, fill, h, table, tr, when } from './dom.js';
import { refreshing } from './refresh.js';
import { t } from './translations.js';

/** Interval of updates, in milliseconds. */
const REFRESH_INTERVAL = 3_000;

/**
 * Page *Configuration*.
 * @param {HTMLElement} place
 */
export async function configuration(place) {
  const live = h('div', { class: 'stack' });
  const values = new Values();
  place.append(live, values.element);
  let before = '';
  const draw = async () => {
    const [config, { types }] = await Promise.all([get('config'), get('types')]);
    const now = JSON.stringify([config, types]);
    if (now === before) return;
    before = now;
    fill(live, ...fileState(config, draw), ...typeStates(types));
    values.show(config.values ?? [], config.restart_needed);
  };
  await draw();
  return refreshing(place, draw, REFRESH_INTERVAL);
}

/** Effective values and where each comes from, with a search. */
class Values {
  #search = h('input', {
    type: 'search',
    placeholder: t('Key, value or source'),
    'aria-label': t('Search the configuration'),
  });
  #list = h('div', {});
  /** @type {any[]} */
  #all = [];
  /** @type {string[]} */
  #waiting = [];
  element = h('section', { class: 'stack', hidden: true });

  constructor() {
    this.#search.oninput = () => this.#draw();
    this.element.append(h('h2', {}, t('Effective values')), this.#search, this.#list);
  }

  /**
   * @param {any[]} all
   * @param {string[]} waiting  Keys whose new values need a restart.
   */
  show(all, waiting) {
    this.#all = all;
    this.#waiting = waiting;
    this.element.hidden = !all.length;
    this.#draw();
  }

  #draw() {
    const wanted = this.#search.value.toLowerCase();
    const found = this.#all.filter((one) => sentence(one).toLowerCase().includes(wanted));
    const row = (/** @type {any} */ one) => {
      const isWaiting = this.#waiting.some(
        (key) => one.key === key || one.key.startsWith(`${key}.`),
      );
      return tr(
        h('td', { class: 'code wide' }, one.key),
        valueCell(one),
        h('span', { class: sourceShade(one), title: sourceName(one) }, sourceText(one)),
        isWaiting ? h('span', { class: 'badge warn' }, t('after a restart')) : '',
      );
    };
    const heads = [t('Key'), t('Value'), t('Comes from'), t('Note')];
    const name = t('Effective values');
    this.#list.replaceChildren(table(name, heads, found.map(row), t('No key matches.')));
  }
}

/** @param {any} one */
function valueText({ value, secret }) {
  if (secret) return t('secret');
  return value === null || value === '' ? t('not set') : JSON.stringify(value);
}

/**
 * Returns the cell of a value. A word of the console does not look like a value.
 * @param {any} one
 */
function valueCell(one) {
  const isWord = one.secret || one.value === null || one.value === '';
  return h('td', { class: isWord ? 'muted value' : 'code value' }, valueText(one));
}

/** @param {any} one */
const sourceShade = ({ source }) => (source === 'default' ? 'badge' : 'badge changed');

/** @param {any} one */
function sourceText({ source, variable }) {
  if (source === 'environment') return variable;
  return source === 'default' ? t('default') : 'config.toml';
}

/**
 * Returns everything that a search finds a value by, in the words of the API and of the console.
 * @param {any} one
 */
const sentence = (one) =>
  [one.key, valueText(one), one.source, sourceText(one), sourceName(one), one.variable].join(' ');

/** @param {any} one */
function sourceName({ source }) {
  if (source === 'environment') return t('environment');
  return source === 'default' ? t('default') : 'config.toml';
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
  const remove =
    removed === 1
      ? t('Load the file and remove one type')
      : t('Load the file and remove {n} types', { n: removed });
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
      h('td', { class: 'says' }, changes({ before: type.file_says, after })),
      type.changed_by ?? t('SQL'),
    );
  };
  const problem = (/** @type {any} */ type) =>
    tr(h('td', { class: 'code' }, type.code), h('td', { class: 'says' }, type.problem));
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
