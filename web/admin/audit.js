import { get } from './api.js';
import { button, fill, h, runAction, when } from './dom.js';
import { actionName } from './names.js';
import { TIMES_CHANGED, times } from './settings.js';
import { fieldOf, timeOf } from './time-fields.js';
import { t } from './translations.js';

/** Filters of the list, kept in the address of the page. */
class Filters {
  #controls;
  /** Zone in which the fields show their times. */
  #zone = times();

  constructor() {
    const chosen = chosenFilters();
    const search = (/** @type {string} */ label, /** @type {string} */ name) =>
      h('input', {
        type: 'search',
        placeholder: label,
        'aria-label': label,
        value: chosen.get(name) ?? '',
      });
    const time = (/** @type {string} */ label, /** @type {string} */ name) =>
      h('input', {
        type: 'datetime-local',
        'aria-label': label,
        title: label,
        value: fieldOf(chosen.get(name)),
      });
    this.#controls = {
      q: search(t('Subject or action'), 'q'),
      who: search(t('Changed by'), 'who'),
      from: time(t('From'), 'from'),
      to: time(t('Until'), 'to'),
    };
  }

  get elements() {
    const { q, who, from, to } = this.#controls;
    return [q, who, h('span', { class: 'bar span' }, from, h('span', { class: 'dash' }, '–'), to)];
  }

  /** Chosen filters, as parameters of a query. @returns {Record<string, string>} */
  get query() {
    const { q, who, from, to } = this.#controls;
    const all = {
      q: q.value.trim(),
      who: who.value.trim(),
      from: timeOf(from.value),
      to: timeOf(to.value),
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
  }

  /** Shows the same times in the zone that is chosen now. */
  convert() {
    for (const field of [this.#controls.from, this.#controls.to])
      field.value = fieldOf(timeOf(field.value, this.#zone));
    this.#zone = times();
  }

  clear() {
    for (const control of Object.values(this.#controls)) control.value = '';
  }
}

/** Returns the filters of the address: parameters, or a subject such as `type:NOTE_CREATED`. */
function chosenFilters() {
  const text = location.hash.split('/').slice(1).join('/');
  return text.includes('=')
    ? new URLSearchParams(text)
    : new URLSearchParams({ q: decodeURIComponent(text) });
}

/**
 * Page *Audit*. The address may have filters.
 * @param {HTMLElement} place
 */
export async function audit(place) {
  const filters = new Filters();
  const list = h('div', { class: 'stack' });
  const more = button(t('Load older'), () => load(false), { hidden: true });
  /** @type {string | undefined} */
  let cursor;
  /** Number of the latest request: an earlier one may be answered after it. */
  let latest = 0;
  const load = async (fresh = true) => {
    const request = ++latest;
    const { query } = filters;
    const text = new URLSearchParams(query).toString();
    history.replaceState(null, '', text ? `#audit/${text}` : '#audit');
    const page = await get('audit', { ...query, cursor: fresh ? undefined : cursor, limit: '30' });
    if (request !== latest) return;
    cursor = page.next_cursor ?? undefined;
    more.hidden = !cursor;
    if (fresh) list.replaceChildren();
    list.append(...page.entries.map(card));
    const none = text ? t('No change matches.') : t('No changes yet.');
    if (!list.children.length) fill(list, h('p', { class: 'empty' }, none));
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(load);
  };
  const clear = () => {
    filters.clear();
    return load();
  };
  place.append(
    h(
      'form',
      { class: 'bar filters', role: 'search', onsubmit, onchange: () => void runAction(load) },
      ...filters.elements,
      h(
        'span',
        { class: 'bar' },
        h('button', { class: 'primary' }, t('Show')),
        button(t('Clear'), clear, { class: 'quiet' }),
      ),
    ),
    list,
    more,
  );
  const convert = () => filters.convert();
  addEventListener(TIMES_CHANGED, convert);
  await load();
  return () => removeEventListener(TIMES_CHANGED, convert);
}

/**
 * Returns who made a change: the name or the login of a user with the ID, else what the hub calls
 * it.
 * @param {any} entry
 */
function nameOf({ who, who_name: name, who_login: login }) {
  if (who === 'developer') return t('developer');
  const known = name ?? login;
  return known && known !== who ? `${known} (${who})` : who;
}

/** @param {any} entry */
function card(entry) {
  const head = h(
    'div',
    { class: 'bar' },
    h('strong', { title: entry.action }, actionName(entry.action)),
    subjectLink(entry.subject),
    h('span', { class: 'muted' }, t('by {who}', { who: nameOf(entry) })),
    when(entry.at),
  );
  const of = { class: 'card stack', 'aria-label': `${actionName(entry.action)} ${entry.subject}` };
  return h('article', of, head, changes(entry));
}

/** @param {any} value */
const json = (value) => JSON.stringify(value ?? null);

/**
 * Returns a value for people: texts and lists of texts without quotes.
 * @param {any} value
 * @returns {string}
 */
function text(value) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string' && value) return value;
  const isPlain =
    Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
  return isPlain ? value.join(', ') : json(value);
}

/**
 * Returns the subject of an entry, with a link to the type or the user.
 * @param {string} subject
 */
function subjectLink(subject) {
  const [, kind, id] = /^(type|user):(.+)$/s.exec(subject) ?? [];
  if (!kind) return h('span', { class: 'code' }, subject);
  const page = kind === 'type' ? 'types' : 'inbox';
  return h('a', { class: 'code', href: `#${page}/${encodeURIComponent(id)}` }, subject);
}

/**
 * @param {string} name
 * @param {any} before
 * @param {any} after
 */
function change(name, before, after) {
  return h(
    'li',
    {},
    h('span', { class: 'code' }, name),
    ': ',
    h('del', {}, text(before)),
    ' → ',
    h('ins', {}, text(after)),
  );
}

/**
 * Returns whether two states are of the same thing. The replay of a dead letter has the letter
 * before, and what became of its events after.
 * @param {any} before
 * @param {any} after
 */
function isSameThing(before, after) {
  const names = Object.keys(after).filter((name) => name !== 'id');
  return names.some((name) => name in before);
}

/**
 * Returns a state, folded up.
 * @param {any} state
 */
function whole(state) {
  const json = JSON.stringify(state, null, 2);
  return h('details', {}, h('summary', {}, t('Changes')), h('pre', { tabIndex: 0 }, json));
}

/**
 * Returns what became of something, key by key.
 * @param {any} after
 */
function outcome(after) {
  const names = Object.keys(after).filter((name) => name !== 'id' && after[name] !== null);
  const line = (/** @type {string} */ name) =>
    h('li', {}, h('span', { class: 'code' }, name), ': ', h('ins', {}, text(after[name])));
  return h('ul', { class: 'changes' }, ...names.map(line));
}

/**
 * Returns the differences of a change, key by key.
 * @param {any} entry
 */
export function changes({ before, after, changes: keys }) {
  const list = keys ?? after?.changes;
  if (Array.isArray(list))
    return h(
      'ul',
      { class: 'changes' },
      ...list.map((/** @type {any} */ one) => change(one.key, one.before, one.after)),
    );
  if (!before && !after) return null;
  if (before && after && !isSameThing(before, after))
    return h('div', { class: 'stack' }, outcome(after), whole(before));
  if (!before || !after) return whole(before ?? after);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => name !== 'updated_at' && json(before[name]) !== json(after[name]),
  );
  return h(
    'ul',
    { class: 'changes' },
    ...names.map((name) => change(name, before[name], after[name])),
  );
}
