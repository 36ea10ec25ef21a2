import { get } from './api.js';
import { badge } from './badges.js';
import { addRows, button, fill, h, runAction, suggestions, table, tr, when } from './dom.js';
import { eventReason } from './hub-text.js';
import { TIMES_CHANGED, times } from './settings.js';
import { fieldOf, timeOf } from './time-fields.js';
import { number, t } from './translations.js';

/** Outcomes of an event. */
const OUTCOMES = ['accepted', 'duplicate', 'skipped', 'rejected', 'failed'];

/** Number of events per page. */
const PAGE = '50';

/** Heads of the table. */
const HEADS = [
  'Received',
  'Type',
  'Outcome',
  'Reason',
  'Users',
  'Recipients',
  'Notifications',
  'Source',
];

/** Time of the shortcut, in milliseconds. */
const HOUR = 3_600_000;

/** Key of the last address of the page, with its filters, in the session storage. */
const LAST = 'lonceng console activity';

/** Returns a link to the page as it was left, with its filters. */
export const backToActivity = () =>
  h(
    'a',
    { class: 'back', href: sessionStorage.getItem(LAST) ?? '#activity' },
    `← ${t('Activity')}`,
  );

/** ID of the suggested codes of types. */
const CODES = 'known-codes';

/** Filters of the list, kept in the address of the page. */
class Filters {
  #controls;
  /** Zone in which the fields show their times. */
  #zone = times();

  /** @param {URLSearchParams} chosen */
  constructor(chosen) {
    const search = (/** @type {string} */ label) =>
      h('input', { type: 'search', placeholder: label, 'aria-label': label });
    const option = (/** @type {string} */ value) =>
      h('option', { value }, value ? t(value) : t('all outcomes'));
    const time = (/** @type {string} */ label, /** @type {string} */ name) =>
      h('input', {
        type: 'datetime-local',
        'aria-label': label,
        title: label,
        value: fieldOf(chosen.get(name)),
      });
    const type = search(t('Type'));
    type.setAttribute('list', CODES);
    this.#controls = {
      type,
      user: search(t('User ID')),
      outcome: h('select', { 'aria-label': t('Outcome') }, ...['', ...OUTCOMES].map(option)),
      from: time(t('From'), 'from'),
      to: time(t('Until'), 'to'),
    };
    for (const name of /** @type {const} */ (['type', 'user', 'outcome']))
      this.#controls[name].value = chosen.get(name) ?? '';
  }

  get elements() {
    const { type, user, outcome, from, to } = this.#controls;
    const span = h('span', { class: 'bar span' }, from, h('span', { class: 'dash' }, '–'), to);
    return [type, user, outcome, span];
  }

  /** Chosen filters, as parameters of a query. */
  get query() {
    const { from, to, ...texts } = this.#controls;
    const entries = Object.entries(texts).map(([name, { value }]) => [name, value.trim()]);
    entries.push(['from', timeOf(from.value)], ['to', timeOf(to.value)]);
    return Object.fromEntries(entries.filter(([, value]) => value));
  }

  /** Shows the same times in the zone that is chosen now. */
  convert() {
    for (const field of [this.#controls.from, this.#controls.to])
      field.value = fieldOf(timeOf(field.value, this.#zone));
    this.#zone = times();
  }

  /** Shows the last hour. */
  lastHour() {
    this.#controls.from.value = fieldOf(new Date(Date.now() - HOUR).toISOString());
    this.#controls.to.value = '';
  }

  clear() {
    for (const control of Object.values(this.#controls)) control.value = '';
  }
}

/** Number of users in a row. */
const USERS_SHOWN = 3;

/**
 * Returns links to the users that an event names.
 * @param {string[]} users
 */
function userLinks(users) {
  const link = (/** @type {string} */ id, /** @type {number} */ at) => [
    at ? ', ' : '',
    h('a', { class: 'code', href: `#inbox/${encodeURIComponent(id)}` }, id),
  ];
  const shown = users.slice(0, USERS_SHOWN).flatMap(link);
  return users.length ? [...shown, users.length > USERS_SHOWN ? ' …' : ''] : '–';
}

/** @param {any} event */
function row(event) {
  const { event_id: id, type, outcome, recipients, notifications } = event;
  const { reason: said, reason_code: code, reason_params: params, reason_message: message } = event;
  const reason = said && eventReason(said, code, params, message);
  const time = when(event.received_at);
  const label = t('Explain {what}', { what: id ?? type ?? '' });
  const href = `#explain/${encodeURIComponent(id)}`;
  const opener = id ? h('a', { href, 'aria-label': label }, time) : time;
  const line = tr(
    h('td', { class: 'wide' }, opener, id ? h('small', { class: 'code' }, id) : null),
    type ? h('a', { class: 'code', href: `#types/${encodeURIComponent(type)}` }, type) : '–',
    badge(outcome),
    h('td', { class: reason ? 'says' : '' }, reason ?? '–'),
    userLinks(event.users ?? []),
    number(recipients),
    number(notifications),
    [event.source, event.publisher].filter(Boolean).join(', '),
  );
  if (!id) return line;
  line.className = 'opens';
  // The link is for the keyboard; a press anywhere else in the row does the same.
  line.onclick = ({ target }) => {
    const isText = getSelection()?.isCollapsed === false;
    if (!isText && !(/** @type {Element} */ (target).closest('a'))) location.hash = href;
  };
  return line;
}

/** Returns the suggested codes of types, which appear when they are loaded. */
function knownCodes() {
  const place = h('span', { hidden: true });
  const load = async () => {
    const { types } = await get('types');
    const codes = types.map((/** @type {any} */ one) => one.code);
    place.append(suggestions(CODES, codes));
  };
  void runAction(load);
  return place;
}

/**
 * Page *Activity*: the events in the store with their outcome.
 * @param {HTMLElement} place
 */
export async function activity(place) {
  const chosen = new URLSearchParams(location.hash.split('/').slice(1).join('/'));
  const filters = new Filters(chosen);
  const list = h('div', {});
  const note = h('p', { class: 'muted' });
  const more = button(t('Load older'), () => load(false), { hidden: true });
  /** @type {string | undefined} */
  let cursor;
  /** Number of the latest request: an earlier one may be answered after it. */
  let latest = 0;
  const load = async (fresh = true) => {
    const request = ++latest;
    const { query } = filters;
    const text = new URLSearchParams(query).toString();
    const address = text ? `#activity/${text}` : '#activity';
    history.replaceState(null, '', address);
    sessionStorage.setItem(LAST, address);
    const page = await get('activity', {
      ...query,
      limit: PAGE,
      cursor: fresh ? undefined : cursor,
    });
    if (request !== latest) return;
    cursor = page.next_cursor ?? undefined;
    more.hidden = !cursor;
    const rows = page.events.map(row);
    const none = text ? t('No event matches.') : t('No events yet.');
    const heads = HEADS.map((head) => t(head));
    if (fresh) fill(list, table(t('Activity'), heads, rows, none));
    else {
      addRows(list, rows);
      rows[0]?.querySelector('a')?.focus();
    }
    note.textContent = keptNote(page.kept);
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(load);
  };
  const clear = () => {
    filters.clear();
    return load();
  };
  const lastHour = () => {
    filters.lastHour();
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
        button(t('Last hour'), lastHour),
        button(t('Clear'), clear, { class: 'quiet' }),
      ),
      knownCodes(),
    ),
    list,
    more,
    note,
  );
  const convert = () => filters.convert();
  addEventListener(TIMES_CHANGED, convert);
  await load();
  return () => removeEventListener(TIMES_CHANGED, convert);
}

/**
 * Returns how many events are kept, and for how long.
 * @param {any} kept
 */
export function keptNote(kept) {
  if (!kept?.days) return '';
  return kept.days === 1
    ? t('The last {events} events are kept for one day.', kept)
    : t('The last {events} events are kept for {days} days.', kept);
}
